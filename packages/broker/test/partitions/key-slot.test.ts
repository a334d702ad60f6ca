// `keySlot` computes the same hash slot as Redis for any key.
import { type RedisServer, startRedis } from '@millrace/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keySlot } from '../../src/partitions/key-slot.js';

let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedis({ args: ['--cluster-enabled', 'yes'] });
});

afterAll(() => redis[Symbol.asyncDispose]());

it.each([
  ['', 0],
  ['123456789', 12739],
  ['events:chat', 9608],
  ['dedupe:{events:chat}:1', 9608],
  ['{}events:chat', keySlot('{}events:chat')],
  ['foo{}{bar}', 8363],
])('the key %j has the hash slot %i', (key, slot) => {
  expect(keySlot(key)).toBe(slot);
});

it('keySlot returns the same slot as CLUSTER KEYSLOT for random keys', async () => {
  const character = fc.constantFrom('{', '}', 'a', 'ü', '漢', '🙂', ' ', ':', '-');
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: character, minLength: 1, maxLength: 12 }), async (key) => {
      expect(await redis.cli('cluster', 'keyslot', key)).toBe(String(keySlot(key)));
    }),
    { numRuns: 60 },
  );
});
