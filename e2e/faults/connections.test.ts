// Wires between gateways and Redis, and between clients and gateways, are cut and clogged under load.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectToSurvive, expectWhole } from './support/expectations.js';
import { FaultSystem } from './support/fault-system.js';

let system: FaultSystem;

beforeAll(async () => {
  system = await FaultSystem.start();
});

afterAll(() => system[Symbol.asyncDispose]());

describe('nothing is lost, repeated or reordered, and nobody has to reload, while', () => {
  test('the gateways’ connections to Redis are cut with replies outstanding, again and again', async () => {
    const trial = await expectToSurvive(system, 'connections to Redis cut with replies outstanding');
    // No client had to come back, so none has a reason to be sent anything twice.
    expect(trial.repeated).toBe(0);
  });

  test('the publisher’s connection is cut with replies outstanding, again and again', async () => {
    const trial = await system.try(async ({ publisherWire }) => {
      for (let round = 0; round < 20; round += 1) {
        // Redis has executed it, and its answer is lost.
        publisherWire.swallow('replies');
        await publisherWire.nextData('replies');
        publisherWire.restore();
        publisherWire.cut();
        await pause(150);
      }
    });
    expectWhole(trial);
    // What was published again under its ID was stored once.
    expect(trial.repeated).toBe(0);
  });

  test('one gateway’s wire to Redis swallows every reply for eight seconds', async () => {
    const [one] = system.seats;
    const readiness: (boolean | undefined)[] = [];
    const trial = await system.try(async () => {
      one?.redisWire.swallow('replies');
      await pause(8_000);
      readiness.push(await one?.isReady());
      one?.redisWire.restore();
      one?.redisWire.cut();
    });
    expect(readiness).toEqual([false]);
    expectWhole(trial);
  });

  test('one gateway after the other hears nothing from Redis for two seconds', async () => {
    const trial = await system.try(async ({ seats }) => {
      for (const { redisWire } of seats) {
        redisWire.swallow('replies');
        await pause(2_000);
        redisWire.restore();
        redisWire.cut();
        await pause(1_000);
      }
    });
    expectWhole(trial);
  });

  test('clients lose their sockets at random', async () => {
    await expectToSurvive(system, 'client sockets cut at random');
  });

  test('all clients lose their sockets at once', async () => {
    const trial = await expectToSurvive(system, 'all client sockets cut at once');
    expect(trial.replayed).toBeGreaterThan(0);
  });
});
