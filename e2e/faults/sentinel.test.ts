// Sentinels replace the master under load, after it crashed or froze. Only the Sentinels tell the gateways and the publisher
// about the new master.
import { type RedisServer, type Sentinels, startRedis, startSentinels, until } from '@millrace/testkit';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectNoReload, expectPromisesKept } from './support/expectations.js';
import { FaultSystem } from './support/fault-system.js';

let system: FaultSystem;
let sentinels: Sentinels;
let replicas: readonly RedisServer[];

const args = ['--repl-diskless-sync-delay', '0'];
const roleOf = async (server: RedisServer): Promise<string> =>
  (await server.cli('role')).split('\n')[0] ?? '';

beforeEach(async () => {
  replicas = [await startRedis({ args }), await startRedis({ args })];
  system = await FaultSystem.start({
    redisArgs: args,
    async urlOf(master, resources) {
      for (const replica of replicas) {
        resources.use(replica);
        await replica.cli('replicaof', '127.0.0.1', String(master.port));
        await until(async () => (await replica.cli('info', 'replication')).includes('master_link_status:up'));
      }
      sentinels = resources.use(await startSentinels({ masterPort: master.port }));
      return sentinels.url;
    },
  });
});

afterEach(() => system[Symbol.asyncDispose]());

/** Resolves to the replica that the Sentinels have made the master. */
async function newMaster(): Promise<RedisServer> {
  let found: RedisServer | undefined;
  await until(async () => {
    for (const replica of replicas) if ((await roleOf(replica)) === 'master') found = replica;
    return found !== undefined;
  }, 60_000);
  if (found === undefined) throw new Error('no replica became the master');
  await sentinels.agreeOn(found.port);
  return found;
}

/** Expects that every connection of the system leads to this server, and that events flow. */
async function expectAllOn(server: RedisServer): Promise<void> {
  const names = (await server.cli('client', 'list')).match(/name=millrace-\w+/g) ?? [];
  // Each gateway has a writer and a reader, and the publisher has a writer.
  expect(names.toSorted()).toEqual([
    ...Array(2).fill('name=millrace-reader'),
    ...Array(3).fill('name=millrace-writer'),
  ]);
  expectNoReload(await system.try(async () => {}));
}

// Both masters may store the same event under different IDs. The IDs then do not show the order.
const options = { isOrderJudged: false } as const;

describe('a failover by Sentinels', () => {
  test('every client that may have lost an event is told to reload after the master was killed', async () => {
    const trial = await system.try(async ({ redis }) => {
      await redis.stop();
      await newMaster();
    }, options);
    expectPromisesKept(trial);
    await expectAllOn(await newMaster());
  });

  test('every connection leaves a frozen master before it comes back as a replica', async () => {
    const trial = await system.try(async ({ redis }) => {
      redis.pause();
      await newMaster();
      redis.resume();
      await until(async () => (await roleOf(redis)) === 'slave');
    }, options);
    expectPromisesKept(trial);
    const master = await newMaster();
    await expectAllOn(master);
    const lengths = [system.redis, master].map((server) => server.cli('xlen', 'events:chat'));
    const [old, now] = await Promise.all(lengths);
    expect(old).toBe(now);
  });
});
