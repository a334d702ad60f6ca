// Trims on real Redis, with the stream lengths of the data model: the resulting length, and the entries that stay.
import { type Broker, createSubscriber, type Lease } from '@millrace/broker';
import { CHAT, present, until } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { openBroker, publishEvents, query, sharedRedis } from '../support/redis-fixture.js';

const STREAMS = [
  { name: 'events:chat', maxLength: 10_000 },
  { name: 'events:ticket', maxLength: 5_000 },
  { name: 'events:notification', maxLength: 5_000 },
  { name: 'events:remote', maxLength: 1_000 },
];
const NODE_ENTRIES = 100;

const redis = sharedRedis();

it('a stream that received three times its maxLength is trimmed to at most maxLength plus one stream node', async () => {
  await using broker = await openBroker(redis.url, { streams: STREAMS, livenessMs: 60_000 });
  let handled = 0;
  const subscriber = createSubscriber(broker, { name: 'a', onEntry: () => handled++, trimIntervalMs: 20 });
  await subscriber.start();
  for (const { name, maxLength } of STREAMS) {
    for (let published = 0; published < 3 * maxLength; published += 1000)
      await publishEvents(broker, 1000, name);
  }
  await until(() => handled === 3 * 21_000);
  for (const { name, maxLength } of STREAMS) {
    await until(async () => (await broker.inspect(name)).length < maxLength + NODE_ENTRIES);
    await until(async () => {
      const { pending, unconsumed } = await broker.inspect(name);
      return pending + unconsumed === 0;
    });
    const settled = await broker.inspect(name);
    expect(settled.length).toBeGreaterThanOrEqual(maxLength);
    expect(settled).toMatchObject({ entriesAdded: 3 * maxLength, expired: 0, unconsumed: 0 });
  }
  await subscriber.stop();
}, 120_000);

it('a trim keeps every entry that a second gateway has not read, even beyond maxLength', async () => {
  await using broker = await openBroker(redis.url, { streams: [{ name: CHAT, maxLength: 1_000 }] });
  await broker.register('slow');
  const { lease } = await holder(broker);
  const ids = await publishEvents(broker, 4_000);
  await settle(broker, lease, present(ids.at(-1)));
  expect(await broker.inspect(CHAT)).toMatchObject({ length: 4_000, pending: 4_000 });
  await broker.unregister('slow');
  await settle(broker, lease, present(ids.at(-1)));
  expect((await broker.inspect(CHAT)).length).toBeLessThan(1_000 + NODE_ENTRIES);
});

it('a trim keeps entries that another consumer group has not acknowledged, up to the hard cap', async () => {
  const streams = [{ name: CHAT, maxLength: 100 }];
  await using broker = await openBroker(redis.url, { streams, hardCapFactor: 10 });
  const { lease } = await holder(broker);
  await redis.cli('xgroup', 'create', CHAT, 'audit', '0');
  const ids = await publishEvents(broker, 900);
  await settle(broker, lease, present(ids.at(-1)));
  expect((await broker.inspect(CHAT)).length).toBe(900);
  const more = await publishEvents(broker, 600);
  await settle(broker, lease, present(more.at(-1)));
  // The hard cap removed entries. None counts as expired, because the gateways had acknowledged them.
  expect(await broker.inspect(CHAT)).toMatchObject({ length: 1_000, expired: 0 });
});

it('the count of expired entries is exact, even if stream nodes are small and contain deleted entries', async () => {
  await redis.cli('config', 'set', 'stream-node-max-entries', '7');
  const streams = [{ name: CHAT, maxLength: 50 }];
  await using broker = await openBroker(redis.url, { streams, hardCapFactor: 4, trimBatchSize: 33 });
  const { lease } = await holder(broker);
  const ids = await publishEvents(broker, 150);
  for (let n = 0; n < 5; n++) {
    await broker.runLedgerPass(lease, { consumer: 'c', count: 20, cursor: present(ids[60]) });
  }
  await redis.cli('xdel', CHAT, present(ids[3]), present(ids[59]), present(ids[80]));
  await publishEvents(broker, 500);
  const { length, expired, entriesAdded } = await broker.inspect(CHAT);
  // 650 entries were added, 61 were acknowledged, and 3 were deleted with XDEL. 2 of the deleted ones had been acknowledged.
  expect([length, entriesAdded, expired]).toEqual([200, 650, 650 - 3 - 200 - 59]);
  await redis.cli('config', 'set', 'stream-node-max-entries', '100');
});

it('a trim at the hard cap counts acknowledged entries as removed, and other entries as expired', async () => {
  const streams = [{ name: CHAT, maxLength: 10 }];
  await using broker = await openBroker(redis.url, { streams, hardCapFactor: 10 });
  const { lease } = await holder(broker);
  const ids = await publishEvents(broker, 40);
  await broker.runLedgerPass(lease, { consumer: 'c', count: 100, cursor: present(ids[24]) });
  // A plain XADD does not enforce the hard cap, so the trim must enforce it.
  await redis.cli('eval', `for i = 1, 160 do redis.call('XADD', KEYS[1], '*', 'a', 'b') end`, '1', CHAT);
  expect(await broker.trim(lease)).toEqual({ status: 'trimmed', removed: 25, expired: 75 });
  expect(await broker.inspect(CHAT)).toMatchObject({ length: 100, expired: 75 });
});

it('trims keep a stream near the hard cap, even if plain XADDs add more entries than a trim usually removes', async () => {
  const streams = [{ name: CHAT, maxLength: 10 }];
  // The lease is not renewed, and 100 rounds of programs take minutes on a busy machine.
  const options = { streams, hardCapFactor: 10, trimBatchSize: 50, leaseMs: 3_600_000 };
  await using broker = await openBroker(redis.url, options);
  const { lease } = await holder(broker);
  const flood = `for i = 1, 1000 do redis.call('XADD', KEYS[1], '*', 'a', 'b') end`;
  let removed = 0;
  for (let round = 0; round < 100; round++) {
    await redis.cli('eval', flood, '1', CHAT);
    const result = await broker.trim(lease);
    if (result.status === 'trimmed') removed += result.expired;
  }
  // Each round removes a tenth of the excess. Therefore the excess stays below ten times the entries of a round.
  const { length, expired } = await broker.inspect(CHAT);
  expect(length).toBeLessThan(100 + 10 * 1_000);
  expect([expired, removed]).toEqual([100_000 - length, 100_000 - length]);
});

it('a stream that no gateway has read is cut to the hard cap by publishes, even after many plain XADDs', async () => {
  const streams = [{ name: CHAT, maxLength: 10 }];
  await using broker = await openBroker(redis.url, { streams, hardCapFactor: 10 });
  await redis.cli('eval', `for i = 1, 5000 do redis.call('XADD', KEYS[1], '*', 'a', 'b') end`, '1', CHAT);
  for (let n = 0; n < 5; n++) await publishEvents(broker, 1);
  expect(await broker.inspect(CHAT)).toMatchObject({ length: 100, expired: 4_905 });
  expect(await query(redis, 'get', `expired:{${CHAT}}`)).toBe('4905');
});

async function holder(broker: Broker): Promise<{ readonly lease: Lease }> {
  await broker.register('a');
  return { lease: present(await broker.acquireLease(CHAT, 'a')) };
}

/** Runs passes and trims until both have nothing more to do. */
async function settle(broker: Broker, lease: Lease, cursor: string): Promise<void> {
  for (let rounds = 0; rounds < 1000; rounds++) {
    const passed = await broker.runLedgerPass(lease, { consumer: 'signalr-instance-1', count: 200, cursor });
    const trimmed = await broker.trim(lease);
    if (passed.status === 'fenced' || trimmed.status === 'fenced') throw new Error('fenced');
    if (passed.consumed + passed.acknowledged + trimmed.removed + trimmed.expired === 0) return;
  }
  throw new Error('The ledger does not come to rest');
}
