// A replica takes over under load. After a planned failover, it has all data of its master. After a crash, it lacks the last
// writes.
import { setTimeout as pause } from 'node:timers/promises';
import { type RedisServer, startRedis, startTcpProxy, type TcpProxy, until } from '@millrace/testkit';
import { afterEach, beforeEach, describe, test } from 'vitest';
import { expectNoReload, expectPromisesKept, untilAllAreToldToReload } from './support/expectations.js';
import { FaultSystem } from './support/fault-system.js';
import type { ClientLog } from './support/oracle.js';

let system: FaultSystem;
let replica: RedisServer;
/** The connection between the replica and its master. */
let link: TcpProxy;

beforeEach(async () => {
  system = await FaultSystem.start({ redisArgs: ['--repl-diskless-sync-delay', '0'] });
  link = await startTcpProxy(system.redis.port);
  replica = await startRedis();
  await replica.cli('replicaof', '127.0.0.1', String(link.port));
  await until(async () => (await replica.cli('info', 'replication')).includes('master_link_status:up'));
});

afterEach(async () => {
  for (const part of [system, link, replica]) await part[Symbol.asyncDispose]();
});

/** Promotes the replica and redirects every connection to it. */
async function promote(): Promise<void> {
  await system.redis.stop();
  await replica.cli('replicaof', 'no', 'one');
  for (const wire of [...system.seats.map(({ redisWire }) => redisWire), system.publisherWire]) {
    wire.switchTo(replica.port);
    wire.cut();
  }
}

// The old and the new master may store the same event under different IDs. The IDs then do not show the order.
const options = { isOrderJudged: false } as const;

describe('a failover', () => {
  test('no client has to reload after a planned failover', async () => {
    const trial = await system.try(async ({ redis }) => {
      await redis.cli('client', 'pause', '10000', 'write');
      const offsetOf = async (server: RedisServer): Promise<string | undefined> =>
        /master_repl_offset:(\d+)/.exec(await server.cli('info', 'replication'))?.[1];
      await until(async () => (await offsetOf(redis)) === (await offsetOf(replica)));
      await promote();
    }, options);
    expectNoReload(trial);
  });

  test('every client is told to reload after a failover that lost the last writes', async () => {
    const trial = await system.try(async () => {
      link.swallow('replies');
      // Waits until an event that the replica does not have is stored and delivered. This may take some time on a busy
      // machine.
      const swallowedAtMs = performance.now();
      const hasHandledSince = ({ records }: ClientLog): boolean =>
        records.some(({ kind, atMs }) => kind === 'handled' && atMs > swallowedAtMs);
      await until(() => system.clients.every(hasHandledSince));
      await pause(400);
      await promote();
    }, options);
    expectPromisesKept(trial);
    await untilAllAreToldToReload(system);
  });
});
