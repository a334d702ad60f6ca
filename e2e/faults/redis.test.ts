// Redis is killed, stopped, filled, and robbed of its data under load.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectToSurvive, expectWhole, untilAllAreToldToReload } from './support/expectations.js';
import { FaultSystem } from './support/fault-system.js';

let system: FaultSystem;

beforeAll(async () => {
  system = await FaultSystem.start({ redisArgs: ['--appendonly', 'yes', '--appendfsync', 'everysec'] });
});

afterAll(() => system[Symbol.asyncDispose]());

/** Calls that Redis has executed so far. */
async function commandCount(): Promise<number> {
  const stats = await system.redis.cli('info', 'stats');
  return Number(/total_commands_processed:(\d+)/.exec(stats)?.[1]);
}

/** The subscribers registered now. */
async function subscribers(): Promise<readonly string[]> {
  return (await system.redis.cli('hkeys', 'cursors:{events:chat}')).split('\n').sort();
}

describe('nothing is lost, repeated or reordered, and nobody has to reload, while', () => {
  test('Redis is killed and started again, with an append-only file synced every second', async () => {
    const readiness: boolean[] = [];
    const connections: number[] = [];
    const trial = await system.try(async ({ redis, seats }) => {
      await redis.stop();
      const before = seats.map(({ redisWire }) => redisWire.acceptedCount);
      await pause(2_000);
      for (const seat of seats) readiness.push(await seat.isReady());
      connections.push(
        ...seats.map(({ redisWire }, index) => redisWire.acceptedCount - (before[index] ?? 0)),
      );
      await redis.restart();
    });
    expect(readiness).toEqual(system.seats.map(() => false));
    // Attempts to connect are spaced: two connections of each gateway, two seconds.
    for (const count of connections) expect(count).toBeLessThan(60);
    expectWhole(trial);
  });

  test('Redis stands still for five seconds; nobody is taken for dead', async () => {
    const before = await subscribers();
    await expectToSurvive(system, 'Redis stopped for five seconds');
    expect(await subscribers()).toEqual(before);
  });

  test('Redis has no memory left for three seconds', async () => {
    await expectToSurvive(system, 'no memory left in Redis');
  });

  test('Redis refuses writes for three seconds for want of a replica', async () => {
    await expectToSurvive(system, 'Redis refuses writes for want of a replica');
  });

  test('the consumer group is destroyed, again and again; nobody spins', async () => {
    const [before, startMs] = [await commandCount(), performance.now()];
    await expectToSurvive(system, 'the consumer group destroyed');
    const perSecond = ((await commandCount()) - before) / ((performance.now() - startMs) / 1_000);
    // Publishing, reading and accounting for 1,000 events/s take about 8,000; a loop that spins takes far more.
    expect(perSecond).toBeLessThan(30_000);
  });

  test('somebody else trims the streams to a thousand entries', async () => {
    await expectToSurvive(system, 'somebody else trims the streams');
  });
});

describe('nobody misses anything without being told, while', () => {
  test('a stream is deleted while the clients are away', async () => {
    await expectToSurvive(system, 'a stream deleted while clients are away');
    await untilAllAreToldToReload(system);
  });

  test('all data is flushed while the clients are away', async () => {
    await expectToSurvive(system, 'all data flushed while clients are away');
    await untilAllAreToldToReload(system);
  });
});
