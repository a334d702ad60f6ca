// Faults of Redis under load: it is killed, frozen, out of memory, or loses its data.
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { sharedSystem } from '../fixtures/systems/shared-system.js';
import { expectNoReload, expectToSurvive, untilAllAreToldToReload } from './support/expectations.js';
import { FaultSystem } from './support/fault-system.js';

const system = sharedSystem(() =>
  FaultSystem.start({ redisArgs: ['--appendonly', 'yes', '--appendfsync', 'everysec'] }),
);

/** Returns the number of commands that Redis has executed so far. */
async function commandCount(): Promise<number> {
  const stats = await system().redis.cli('info', 'stats');
  return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]);
}

/** Returns the gateways that are registered now. */
async function registered(): Promise<readonly string[]> {
  return (await system().redis.cli('hkeys', 'cursors:{events:chat}')).split('\n').sort();
}

describe('under faults of Redis no event is lost, repeated or reordered, and no client has to reload', () => {
  test('no event is lost when Redis is killed and restarted, with an append-only file that is synced every second', async () => {
    const readiness: boolean[] = [];
    const connections: number[] = [];
    const trial = await system().try(async ({ redis, seats }) => {
      await redis.written();
      await redis.stop();
      const before = seats.map(({ redisWire }) => redisWire.acceptedCount);
      await pause(2_000);
      for (const seat of seats) readiness.push(await seat.isReady());
      connections.push(
        ...seats.map(({ redisWire }, index) => redisWire.acceptedCount - (before[index] ?? 0)),
      );
      await redis.restart();
    });
    expect(readiness).toEqual(system().seats.map(() => false));
    // The number of attempts is small, because gateways wait between attempts to connect. Each gateway has two connections,
    // and the outage takes two seconds.
    for (const count of connections) expect(count).toBeLessThan(60);
    expectNoReload(trial);
  });

  test('no gateway is declared dead while Redis stalls for five seconds', async () => {
    const before = await registered();
    await expectToSurvive(system(), 'Redis stopped for five seconds');
    expect(await registered()).toEqual(before);
  });

  test('no event is lost while Redis has no memory left for three seconds', async () => {
    await expectToSurvive(system(), 'no memory left in Redis');
  });

  test('no event is lost while Redis refuses writes for three seconds because it has no replica', async () => {
    await expectToSurvive(system(), 'Redis refuses writes for want of a replica');
  });

  test('no event is lost while the consumer group is destroyed repeatedly', async () => {
    const [before, startMs] = [await commandCount(), performance.now()];
    await expectToSurvive(system(), 'the consumer group destroyed');
    const perSecond = ((await commandCount()) - before) / ((performance.now() - startMs) / 1_000);
    // About 8,000 commands are normal for publishing, reading and acknowledging 1,000 events a second. A busy loop would send
    // many more.
    expect(perSecond).toBeLessThan(30_000);
  });

  test('no event is lost while another program trims the streams to a thousand entries', async () => {
    await expectToSurvive(system(), 'somebody else trims the streams');
  });
});

describe('after a loss of data every client is told to reload', () => {
  test('every client is told to reload when a stream is deleted while the clients are disconnected', async () => {
    await expectToSurvive(system(), 'a stream deleted while clients are away');
    await untilAllAreToldToReload(system());
  });

  test('every client is told to reload when all data is flushed while the clients are disconnected', async () => {
    await expectToSurvive(system(), 'all data flushed while clients are away');
    await untilAllAreToldToReload(system());
  });
});
