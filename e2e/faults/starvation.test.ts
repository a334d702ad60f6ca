// Other programs take nearly all CPU time. A process that could not run for some time continues as before: its deadlines do not
// count that time.
import { connectPublisher } from '@millrace/publisher';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { chatMessage } from '../fixtures/events/sample-events.js';
import { withoutTypes } from '../fixtures/systems/delivery-system.js';
import { FaultSystem, trialEvents } from './support/fault-system.js';
import { starve } from './support/starve.js';

test('no event is lost in a system that hardly gets CPU time for six seconds', {
  // The limit is long, because retries of the publisher and the recovery of all clients take extra time, and the machine may
  // be busy.
  timeout: 240_000,
}, async () => {
  await using system = await FaultSystem.start();
  const trial = await system.try(() => starve(system.processIds, 6_000));
  // Events that could not be stored in time were refused. They do not count as lost.
  expect(trial, trial.examples.join('\n')).toMatchObject({
    lost: 0,
    excused: 0,
    handledTwice: 0,
    outOfOrder: 0,
    unknown: 0,
  });
  expect(trial.published).toBeGreaterThan(trialEvents / 10);
  expect(Math.max(...system.clients.map(({ lostCount }) => lostCount))).toBeLessThanOrEqual(1);
  // The load is over, so no event may be refused.
  const events = Array.from({ length: 100 }, (_, n) => chatMessage(`room-${n % 50}`, `afterwards ${n}`));
  await expect(system.publisher.publishEvents(events)).resolves.toHaveLength(events.length);
});

test('a publisher that was paused for longer than its queue limit stores all events when it continues', async () => {
  await using redis = await startRedis();
  const publisher = await connectPublisher({ redisUrl: redis.url });
  const events = Array.from({ length: 2_000 }, (_, n) => chatMessage('room', `number ${n}`));
  const publishing = withoutTypes(publisher).publishEvents(events);
  await Promise.resolve();
  // Blocks this process, so that the publisher cannot run.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 6_000);
  await expect(publishing).resolves.toHaveLength(events.length);
  await publisher.close();
  expect(Number(await redis.cli('xlen', 'events:chat'))).toBe(events.length);
});
