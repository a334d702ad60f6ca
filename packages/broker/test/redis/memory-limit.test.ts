// A Redis at its `maxmemory` refuses publishes, but still executes trims, which free memory.
import { type Broker } from '@millrace/broker';
import { append, CHAT, codeOf, present, startRedis, until } from '@millrace/testkit';
import { expect, it } from 'vitest';
import { eventFields, openBroker } from '../support/redis-fixture.js';

const FULL = ['--maxmemory', '8mb', '--maxmemory-policy', 'noeviction'];

it('a full Redis refuses publishes but not heartbeats and passes, and accepts publishes after trims', async () => {
  await using redis = await startRedis({ args: FULL });
  const streams = [{ name: CHAT, maxLength: 100 }];
  await using broker = await openBroker(redis.url, { streams, hardCapFactor: 1_000 });
  const start = present((await broker.register('a'))[0]);
  const lease = present(await broker.acquireLease(CHAT, 'a'));
  const last = await publishUntilFull(broker);

  const { length } = await broker.inspect(CHAT);
  expect(length).toBeGreaterThan(1_000);
  const entry = { id: last, fields: { n: '1' } };
  const rejected = { stream: CHAT, entry, reason: 'r', rejectedBy: 'a' };
  expect(await codeOf(broker.deadLetter(rejected))).toBe('out_of_memory');
  const progress = { ...start, cursor: last };
  expect(await broker.heartbeat('a', new Map([[CHAT, progress]]))).toMatchObject([{ status: 'alive' }]);
  expect(await broker.acquireLease(CHAT, 'a')).toEqual(lease);
  expect(await broker.claimSlot('a')).toMatchObject({ slot: 1 });
  // A new gateway must be able to register now.
  expect(await codeOf(broker.register('b'))).toBe('resolved');
  await broker.unregister('b');

  await until(async () => {
    const passed = await broker.runLedgerPass(lease, { consumer: 'c', count: 200, cursor: last });
    const trimmed = await broker.trim(lease);
    expect([passed.status, trimmed.status]).toEqual(['done', 'trimmed']);
    return (await broker.inspect(CHAT)).length < 200;
  });
  expect(await codeOf(append(broker, { stream: CHAT, fields: { n: 'again' } }))).toBe('resolved');
  expect((await broker.inspect(CHAT)).expired).toBe(0);
});

/** Publishes until Redis refuses. Returns the ID of the last entry that Redis accepted. */
async function publishUntilFull(broker: Broker): Promise<string> {
  let last = '0-0';
  for (let n = 0; n < 100_000; n++) {
    try {
      last = (await append(broker, { stream: CHAT, fields: eventFields(n), dedupeId: `id-${n}` })).id;
    } catch (error) {
      expect(error).toMatchObject({ code: 'out_of_memory', isTransient: true });
      return last;
    }
  }
  throw new Error('Redis was never full');
}
