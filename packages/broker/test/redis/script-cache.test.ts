// A script's source is sent once per connection, and again if the server has forgotten the script.
import { append, CHAT, type RedisServer, SUITE_OPTIONS, startRedisCluster, until } from '@millrace/testkit';
import { describe, expect, it } from 'vitest';
import { openBroker, sharedRedis } from '../support/redis-fixture.js';

const redis = sharedRedis();

const options = { windowMs: 60_000, stream: CHAT };
/**
 * Streams whose number of partitions is known. A broker that does not know it looks for it once per second while it appends, by a
 * script whose calls would be counted, too.
 */
const partitionedStreams = SUITE_OPTIONS.streams.map((stream) => ({ ...stream, partitions: 1 }));
const rooms = Array.from({ length: 2_000 }, (_, n) => `room-${n}`);

/** Returns a function that counts how often the server has executed a command since `CONFIG RESETSTAT`. */
async function callsAt(server: RedisServer): Promise<(command: string) => number> {
  const stats = await server.cli('info', 'commandstats');
  return (command) => Number(new RegExp(`^cmdstat_${command}:calls=(\\d+)`, 'mi').exec(stats)?.[1] ?? 0);
}

async function forgetScripts(server: RedisServer): Promise<void> {
  await server.cli('script', 'flush');
  await server.cli('config', 'resetstat');
}

describe('after SCRIPT FLUSH', () => {
  it('scripts are loaded at most three times in a burst of 2,100 calls after SCRIPT FLUSH', async () => {
    await using broker = await openBroker(redis.url);
    const addTo = (roomId: string) =>
      broker.windows.add({ roomId, slot: 'typing' }, [{ id: 'a', text: '{}' }], options);
    const publish = (n: number) => append(broker, { stream: CHAT, fields: { n: String(n) } });
    await Promise.all([addTo('warm'), publish(-1)]);
    await forgetScripts(redis);
    const additions = rooms.map(addTo);
    await Promise.all(Array.from({ length: 100 }, (_, n) => publish(n)));
    const outcomes = (await Promise.all(additions)).flatMap((addition) => addition.outcomes);
    expect(outcomes).toEqual(rooms.map(() => 'added'));
    const calls = await callsAt(redis);
    expect(calls('eval')).toBe(0);
    expect(calls('script\\|load')).toBeLessThanOrEqual(3);
    const entries = await broker.readRange(CHAT, { count: 1_000 });
    expect(entries.map(({ fields }) => Number(fields['n']))).toEqual(
      Array.from({ length: 101 }, (_, n) => n - 1),
    );
  });

  it('calls of different scripts are executed in the order of the calls, even after SCRIPT FLUSH', async () => {
    await using broker = await openBroker(redis.url);
    const name = { roomId: 'room', slot: 'typing' };
    const turn = (n: number) => [
      broker.windows.add(name, [{ id: `${n}`, text: `${n}` }], options),
      broker.windows.claim(name, { token: `${n}`, leaseMs: 60_000, isForced: true }),
      broker.windows.commit(name, `${n}`),
    ];
    await Promise.all(turn(0));
    for (let round = 0; round < 20; round++) {
      await redis.cli('script', 'flush');
      const turns = Array.from({ length: 50 }, (_, n) => turn(round * 50 + n));
      for (const [n, calls] of turns.entries()) {
        const [, claim, isCommitted] = await Promise.all(calls);
        expect([claim, isCommitted]).toMatchObject([
          { status: 'claimed', inputs: [{ text: `${round * 50 + n}` }] },
          true,
        ]);
      }
    }
  });

  it('scripts are loaded at most three times per cluster node in a burst of 500 calls after SCRIPT FLUSH', async () => {
    await using cluster = await startRedisCluster({ nodeTimeoutMs: 30_000 });
    await using broker = await openBroker(cluster.url);
    const addTo = (roomId: string) =>
      broker.windows.add({ roomId, slot: 'typing' }, [{ id: 'a', text: '{}' }], options);
    await Promise.all(rooms.slice(0, 50).map(addTo));
    for (const node of cluster.nodes) await forgetScripts(node);
    await Promise.all(rooms.slice(0, 500).map(addTo));
    for (const node of cluster.nodes) {
      const calls = await callsAt(node);
      expect(calls('evalsha')).toBeGreaterThan(20);
      expect(calls('eval')).toBe(0);
      expect(calls('script\\|load')).toBeLessThanOrEqual(3);
    }
  });
});

it('a restored connection sends a script’s source once, and then only its digest', async () => {
  await using broker = await openBroker(redis.url, { streams: partitionedStreams });
  const publish = (n: number) => append(broker, { stream: CHAT, fields: { n: String(n) } });
  await publish(0);
  const states: string[] = [];
  broker.onStateChange((state) => states.push(state));
  await redis.cli('client', 'kill', 'type', 'normal');
  await until(() => states.includes('ready'));
  expect(states).toEqual(['unavailable', 'ready']);
  await forgetScripts(redis);
  for (let n = 1; n <= 100; n++) await publish(n);
  const calls = await callsAt(redis);
  expect([calls('script\\|load'), calls('eval'), calls('evalsha')]).toEqual([1, 0, 100]);
});

it('a Redis user without the right to SCRIPT LOAD can run the scripts', async () => {
  await redis.cli('acl', 'setuser', 'plain', 'on', '>secret', 'allkeys', 'allchannels', '+@all', '-script');
  await using broker = await openBroker(redis.url.replace('redis://', 'redis://plain:secret@'));
  await redis.cli('script', 'flush');
  const receipts = Array.from({ length: 100 }, (_, n) =>
    append(broker, { stream: CHAT, fields: { n: String(n) } }),
  );
  expect(new Set((await Promise.all(receipts)).map(({ id }) => id)).size).toBe(100);
});
