// Connections between gateways and Redis, and between clients and gateways, are cut and blocked under load.
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { sharedSystem } from '../fixtures/systems/shared-system.js';
import { expectNoReload, expectToSurvive } from './support/expectations.js';
import { FaultSystem } from './support/fault-system.js';

const system = sharedSystem(() => FaultSystem.start());

describe('under faults of connections no event is lost, repeated or reordered, and no client has to reload', () => {
  test('no event is lost or sent twice when gateways lose connections to Redis while replies are on their way', async () => {
    const trial = await expectToSurvive(system(), 'connections to Redis cut with replies outstanding');
    // No client had to reconnect, so the gateways had no reason to send anything twice.
    expect(trial.repeated).toBe(0);
  });

  test('no event is lost or stored twice when the publisher’s connection is cut while replies are on their way', async () => {
    const trial = await system().try(async ({ publisherWire }) => {
      for (let round = 0; round < 20; round += 1) {
        // Redis has executed the command, but its answer to the publisher is lost.
        publisherWire.swallow('replies');
        await publisherWire.nextData('replies');
        publisherWire.restore();
        publisherWire.cut();
        await pause(150);
      }
    });
    expectNoReload(trial);
    // The second publish with the same ID stored nothing.
    expect(trial.repeated).toBe(0);
  });

  test('no event is lost while one gateway gets no replies from Redis for eight seconds', async () => {
    const [one] = system().seats;
    const readiness: (boolean | undefined)[] = [];
    const trial = await system().try(async () => {
      one?.redisWire.swallow('replies');
      await pause(8_000);
      readiness.push(await one?.isReady());
      one?.redisWire.restore();
      one?.redisWire.cut();
    });
    expect(readiness).toEqual([false]);
    expectNoReload(trial);
  });

  test('no event is lost while each gateway in turn hears nothing from Redis for two seconds', async () => {
    const trial = await system().try(async ({ seats }) => {
      for (const { redisWire } of seats) {
        redisWire.swallow('replies');
        await pause(2_000);
        redisWire.restore();
        redisWire.cut();
        await pause(1_000);
      }
    });
    expectNoReload(trial);
  });

  test('no event is lost while clients lose their sockets at random', async () => {
    await expectToSurvive(system(), 'client sockets cut at random');
  });

  test('no event is lost when all clients lose their sockets at the same time', async () => {
    const trial = await expectToSurvive(system(), 'all client sockets cut at once');
    expect(trial.replayed).toBeGreaterThan(0);
  });
});
