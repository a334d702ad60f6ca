// A subscriber handles late replies correctly: replies to reads and heartbeats that arrive after its state has changed.
import { createMemoryBroker, createSubscriber } from '@millrace/broker';
import { append, CHAT, fakeClock, present, SUITE_OPTIONS } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { probe } from '../support/broker-probe.js';

async function setUp() {
  const clock = fakeClock();
  const streams = [{ name: CHAT, maxLength: 100 }];
  const broker = createMemoryBroker({ ...SUITE_OPTIONS, streams, clock });
  await broker.open();
  const { probed, hold } = probe(broker);
  const seen: number[] = [];
  const log: string[] = [];
  const subscriber = createSubscriber(probed, {
    name: 'a',
    onEntry: (_, { fields }) => seen.push(Number(fields['n'])),
    onReset: () => log.push('reset'),
    onGap: (_, lost) => log.push(`gap:${lost}`),
    onStateChange: (state) => log.push(state),
    clock,
  });
  await subscriber.start();
  const publish = (n: number) => append(broker, { stream: CHAT, fields: { n: String(n) } });
  return { clock, broker, hold, seen, log, subscriber, publish };
}

/**
 * Lets another subscriber report a cursor beyond the end of the stream, as if the stream had been rewound. The stream then
 * gets a new epoch.
 */
async function rewind({ broker }: Awaited<ReturnType<typeof setUp>>): Promise<void> {
  const start = present((await broker.register('finder'))[0]);
  await broker.heartbeat('finder', new Map([[CHAT, { ...start, cursor: '99999999999999-0' }]]));
  await broker.unregister('finder');
}

it('a subscriber drops the reply to a read from before a reset, and restarts at the beginning', async () => {
  const world = await setUp();
  const { clock, seen, log, subscriber, publish } = world;
  await publish(1);
  await publish(2);
  await clock.advance(300);
  expect(seen).toEqual([1, 2]);
  // The subscriber learns that it must restart at the beginning before the reply with entry 3 arrives.
  const release = world.hold('readAfter');
  await publish(3);
  await rewind(world);
  await clock.advance(300);
  expect(log.at(-1)).toBe('reset');
  release();
  await clock.advance(300);
  expect(seen).toEqual([1, 2, 1, 2, 3]);
  expect(subscriber.isCaughtUp).toBe(true);
  expect(log).toEqual(['registering', 'tailing', 'recovering', 'reset', 'tailing']);
});

it('a subscriber that was declared dead stays “recovering” until it has read all missed entries', async () => {
  const { clock, broker, hold, log, subscriber, publish, seen } = await setUp();
  await publish(1);
  await clock.advance(300);
  const release = hold('readAfter');
  await broker.unregister('a');
  await publish(2);
  await clock.advance(1_000);
  expect([subscriber.state, subscriber.isCaughtUp, seen.length]).toEqual(['recovering', false, 1]);
  release();
  await clock.advance(300);
  expect([subscriber.state, subscriber.isCaughtUp, seen.length]).toEqual(['tailing', true, 2]);
  expect(log.filter((line) => line.startsWith('gap'))).toEqual([]);
});

it('a subscriber reports no false loss after a late reply to a heartbeat', async () => {
  const { clock, hold, log, publish, seen } = await setUp();
  await clock.advance(300);
  const release = hold('heartbeat');
  for (let n = 0; n < 50; n++) {
    await publish(n);
    await clock.advance(10);
  }
  release();
  await clock.advance(1_000);
  expect(seen.length).toBe(50);
  expect(log).toEqual(['registering', 'tailing']);
});

it('a subscriber that was paused handles no entry that was erased during the pause', async () => {
  const { clock, broker, hold, publish, seen } = await setUp();
  await publish(1);
  await clock.advance(300);
  const releases = [hold('readAfter'), hold('heartbeat')];
  const { id: erased } = await publish(2);
  await publish(3);
  await broker.unregister('a');
  await broker.erasures.erase(CHAT, { control: { n: '4' }, ids: [erased], dedupeIds: [] });
  expect(await broker.erasures.remove(CHAT)).toEqual({ removed: 1, waiting: 0 });
  await clock.advance(10_000);
  for (const release of releases) release();
  await clock.advance(300);
  expect(seen).toEqual([1, 3, 4]);
});
