// Redis is killed, stopped, filled, and robbed of its data under load.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { streamNames } from '../fixtures/sample-events.js';
import { expectPromisesKept, expectWhole } from './support/expectations.js';
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

describe('nothing is lost, repeated or reordered, and nobody has to reload, while', () => {
  test('Redis is killed and started again, with an append-only file synced every second', async () => {
    const readiness: boolean[] = [];
    const trial = await system.try(async ({ redis, seats }) => {
      await redis.stop();
      await pause(2_000);
      for (const seat of seats) readiness.push(await seat.isReady());
      await redis.restart();
    });
    expect(readiness).toEqual(system.seats.map(() => false));
    expectWhole(trial);
  });

  test('Redis stands still for five seconds', async () => {
    const before = await system.redis.cli('hkeys', 'cursors:{events:chat}');
    const trial = await system.try(async ({ redis }) => {
      redis.pause();
      await pause(5_000);
      redis.resume();
    });
    expectWhole(trial);
    // Nobody was taken for dead: all are registered as they were.
    expect((await system.redis.cli('hkeys', 'cursors:{events:chat}')).split('\n').sort()).toEqual(
      before.split('\n').sort(),
    );
  });

  test('Redis has no memory left for three seconds', async () => {
    const trial = await system.try(async ({ redis }) => {
      await redis.cli('config', 'set', 'maxmemory', '1');
      await pause(3_000);
      await redis.cli('config', 'set', 'maxmemory', '0');
    });
    expectWhole(trial);
  });

  test('the consumer group is destroyed, again and again', async () => {
    const commandsBefore = await commandCount();
    const startMs = performance.now();
    const trial = await system.try(async ({ redis }) => {
      for (let round = 0; round < 5; round += 1) {
        for (const stream of streamNames) await redis.cli('xgroup', 'destroy', stream, 'signalr-consumers');
        await pause(400);
      }
    });
    expectWhole(trial);
    const perSecond = ((await commandCount()) - commandsBefore) / ((performance.now() - startMs) / 1_000);
    // Publishing, reading and accounting for 1,000 events/s take about 8,000; a loop that spins takes far more.
    expect(perSecond).toBeLessThan(30_000);
  });
});

describe('nobody misses anything without being told, while', () => {
  test('somebody else trims the streams to a thousand entries', async () => {
    const trial = await system.try(async ({ redis }) => {
      for (let round = 0; round < 30; round += 1) {
        for (const stream of streamNames) await redis.cli('xtrim', stream, 'MAXLEN', '~', '1000');
        await pause(100);
      }
    });
    // The gateways had read what was trimmed.
    expectWhole(trial);
  });

  test('a stream is deleted', async () => {
    const trial = await system.try(async ({ redis }) => {
      await redis.cli('del', 'events:chat');
    });
    expectPromisesKept(trial);
    // Everybody was told.
    for (const { records } of system.clients)
      expect(records.some((record) => record.kind === 'reload' && record.reason === 'reset')).toBe(true);
  });

  test('all data is flushed', async () => {
    const trial = await system.try(async ({ redis }) => {
      await redis.cli('flushall');
    });
    expectPromisesKept(trial);
    for (const { records } of system.clients)
      expect(records.some((record) => record.kind === 'reload' && record.reason === 'reset')).toBe(true);
  });
});
