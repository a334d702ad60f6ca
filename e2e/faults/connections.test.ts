// Wires between gateways and Redis, and between clients and gateways, are cut and clogged under load.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectWhole } from './support/expectations.js';
import { FaultSystem } from './support/fault-system.js';

let system: FaultSystem;

beforeAll(async () => {
  system = await FaultSystem.start();
});

afterAll(() => system[Symbol.asyncDispose]());

describe('nothing is lost, repeated or reordered, and nobody has to reload, while', () => {
  test('the gateways’ connections to Redis are cut with replies outstanding, again and again', async () => {
    const trial = await system.try(async ({ seats }) => {
      for (let round = 0; round < 20; round += 1) {
        const wire = seats[round % seats.length]?.redisWire;
        await wire?.nextData('replies');
        wire?.cut();
        await pause(150);
      }
    });
    expectWhole(trial);
  });

  test('one gateway’s wire to Redis swallows every reply for eight seconds', async () => {
    const [one] = system.seats;
    let wasReady = true;
    const trial = await system.try(async () => {
      one?.redisWire.swallow('replies');
      await pause(8_000);
      wasReady = (await one?.isReady()) ?? true;
      one?.redisWire.restore();
      one?.redisWire.cut();
    });
    expect(wasReady).toBe(false);
    expectWhole(trial);
  });

  test('clients lose their sockets at random', async () => {
    const trial = await system.try(async ({ clients }) => {
      for (let round = 0; round < 100; round += 1) {
        for (let count = 0; count < 5; count += 1) clients[Math.floor(Math.random() * clients.length)]?.cut();
        await pause(50);
      }
    });
    expectWhole(trial);
  });

  test('all clients lose their sockets at once', async () => {
    const trial = await system.try(async ({ seats }) => {
      for (const seat of seats) seat.clientWire.cut();
      await pause(2_000);
      for (const seat of seats) seat.clientWire.cut();
    });
    expectWhole(trial);
  });
});
