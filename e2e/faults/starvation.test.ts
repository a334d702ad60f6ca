// Other programs have the processors: a process that did not run for a while continues where it was, and no deadline counts that time.
import { connectPublisher } from '@millrace/publisher';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { chatMessage } from '../fixtures/events/sample-events.js';
import { withoutTypes } from '../fixtures/systems/delivery-system.js';
import { takeProcessors } from './support/busy-processes.js';
import { FaultSystem, trialEvents } from './support/fault-system.js';

test('a system starved of CPU for six seconds loses nothing, and no client reconnects more than once', {
  // Retries of the publisher and the settling of all clients take extra time, on a machine that may be busy anyway.
  timeout: 240_000,
}, async () => {
  await using system = await FaultSystem.start();
  const trial = await system.try(() => takeProcessors(6_000));
  // Events that could not be stored in time were refused, and are no loss.
  expect(trial, trial.examples.join('\n')).toMatchObject({
    lost: 0,
    excused: 0,
    handledTwice: 0,
    outOfOrder: 0,
    unknown: 0,
  });
  expect(trial.published).toBeGreaterThan(trialEvents / 10);
  expect(Math.max(...system.clients.map(({ lostCount }) => lostCount))).toBeLessThanOrEqual(1);
  // Calm again: nothing is refused.
  const events = Array.from({ length: 100 }, (_, n) => chatMessage(`room-${n % 50}`, `afterwards ${n}`));
  await expect(system.publisher.publishEvents(events)).resolves.toHaveLength(events.length);
});

test('a publisher that slept for longer than its events may wait stores all of them when it wakes', async () => {
  await using redis = await startRedis();
  const publisher = await connectPublisher({ redisUrl: redis.url });
  const events = Array.from({ length: 2_000 }, (_, n) => chatMessage('room', `number ${n}`));
  const publishing = withoutTypes(publisher).publishEvents(events);
  await Promise.resolve();
  // This process does not run meanwhile.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6_000);
  await expect(publishing).resolves.toHaveLength(events.length);
  await publisher.close();
  expect(Number(await redis.cli('xlen', 'events:chat'))).toBe(events.length);
});
