/*
 * The guarantees of every connection directory, in memory and in Redis.
 */
import { startRedis } from '@millrace/testkit';
import { createClient } from '@redis/client';
import { describe, expect, test } from 'vitest';
import { type ConnectionDirectory, createMemoryDirectory } from '../../src/index.js';
import { createRedisDirectory } from '../../src/redis.js';

interface Pair extends AsyncDisposable {
  /** The directory objects of two instances, which share their data. */
  readonly one: ConnectionDirectory;
  readonly other: ConnectionDirectory;
}

async function inMemory(): Promise<Pair> {
  const directory = createMemoryDirectory();
  return { one: directory, other: directory, async [Symbol.asyncDispose]() {} };
}

async function onRedis(claimTtlMs?: number) {
  const redis = await startRedis();
  const clients = [redis.url, redis.url].map((url) => createClient({ url, disableOfflineQueue: true }));
  const [first, second] = clients;
  if (first === undefined || second === undefined) throw new Error('two clients');
  for (const client of clients) await client.on('error', () => {}).connect();
  const more = claimTtlMs === undefined ? {} : { claimTtlMs };
  const one = createRedisDirectory({ client: first, ...more });
  const other = createRedisDirectory({ client: second, ...more });
  return {
    redis,
    client: first,
    one,
    other,
    async [Symbol.asyncDispose]() {
      await Promise.all([one.close(), other.close()]);
      for (const client of clients) client.destroy();
      await redis[Symbol.asyncDispose]();
    },
  };
}

describe.each([
  ['in memory', inMemory],
  ['on Redis', onRedis],
] as const)('a directory %s', (_name, start: () => Promise<Pair>) => {
  test('a directory returns the first instance that claimed a connection, until that instance releases it', async () => {
    await using pair = await start();
    const { one, other } = pair;
    expect(await one.find('c')).toBeUndefined();
    expect(await one.claim('c', 'http://one')).toBe(true);
    expect(await one.claim('c', 'http://one')).toBe(true);
    expect(await other.claim('c', 'http://other')).toBe(false);
    expect(await other.find('c')).toBe('http://one');
    other.release('c', 'http://other');
    expect(await other.find('c')).toBe('http://one');
    one.release('c', 'http://one');
    await expect.poll(() => other.find('c')).toBeUndefined();
    expect(await other.claim('c', 'http://other')).toBe(true);
  });

  test('exactly one of many simultaneous claims succeeds', async () => {
    await using pair = await start();
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        (index % 2 === 0 ? pair.one : pair.other).claim('c', `http://${index}`),
      ),
    );
    expect(claims.filter(Boolean)).toHaveLength(1);
  });
});

describe('a directory on Redis', () => {
  test('the claims of an ended process expire, and those of a running process are kept', async () => {
    await using pair = await onRedis(300);
    await pair.one.claim('kept', 'http://one');
    // Writes a claim that no process renews.
    await pair.redis.cli('set', 'signalr:connection:gone', 'http://gone', 'px', '300');
    await expect.poll(() => pair.other.find('gone')).toBeUndefined();
    expect(await pair.other.find('kept')).toBe('http://one');
  });

  test('the claims of a running process are restored after Redis has lost them', async () => {
    await using pair = await onRedis(300);
    await pair.one.claim('c', 'http://one');
    await pair.redis.cli('flushall');
    await expect.poll(() => pair.other.find('c')).toBe('http://one');
  });

  test('a closed directory releases its claims', async () => {
    await using pair = await onRedis();
    await pair.one.claim('c', 'http://one');
    await pair.one.close();
    expect(await pair.other.find('c')).toBeUndefined();
  });

  test('claim() and find() reject while Redis is unreachable, and release() does not throw', async () => {
    await using pair = await onRedis();
    await pair.one.claim('c', 'http://one');
    await pair.redis.stop();
    await expect(pair.other.claim('d', 'http://other')).rejects.toThrow();
    await expect(pair.other.find('c')).rejects.toThrow();
    pair.one.release('c', 'http://one');
  });

  test('claim() and find() reject when Redis does not answer within commandTimeoutMs', async () => {
    const client = { get: () => new Promise(() => {}), eval: () => new Promise(() => {}) };
    const directory = createRedisDirectory({ client, commandTimeoutMs: 20 });
    await expect(directory.find('c')).rejects.toThrow('within 20 ms');
    await expect(directory.claim('c', 'http://one')).rejects.toThrow('within 20 ms');
    await directory.close();
  });

  test('directories with different key prefixes know nothing of each other’s claims', async () => {
    await using pair = await onRedis();
    const acme = createRedisDirectory({ client: pair.client, keyPrefix: 'acme:signalr:connection:' });
    expect(await pair.one.claim('c', 'http://one')).toBe(true);
    expect(await acme.claim('c', 'http://acme')).toBe(true);
    expect([await pair.other.find('c'), await acme.find('c')]).toEqual(['http://one', 'http://acme']);
    expect((await pair.redis.cli('keys', '*')).split('\n').toSorted()).toEqual([
      'acme:signalr:connection:c',
      'signalr:connection:c',
    ]);
    await acme.close();
  });

  test.each([0, 2, 1.5])('a claimTtlMs of %d is refused', (claimTtlMs) => {
    const client = { get: async () => null, eval: async () => null };
    expect(() => createRedisDirectory({ client, claimTtlMs })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });
});
