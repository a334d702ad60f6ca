// Gateways are killed, frozen and replaced under load; their clients go to the others.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectWhole } from './support/expectations.js';
import { FaultSystem } from './support/fault-system.js';

let system: FaultSystem;

beforeAll(async () => {
  system = await FaultSystem.start({ gateways: 3, environment: { MILLRACE_DRAIN_MS: '1500' } });
});

afterAll(() => system[Symbol.asyncDispose]());

/** Slots in use, by the numbers that name the consumers. */
const slots = async (): Promise<readonly string[]> =>
  (await system.redis.cli('hkeys', 'slots:{signalr-consumers}')).split('\n').sort();

describe('nothing is lost, repeated or reordered, and nobody has to reload, while', () => {
  test('a gateway is killed and started again', async () => {
    const slotsBefore = await slots();
    const trial = await system.try(async ({ seats: [one] }) => {
      await one?.gateway.stop('SIGKILL');
      await pause(500);
      await one?.restart();
    });
    expectWhole(trial);
    // It took the slot of the process before it, though that had held it.
    expect(await slots()).toEqual(slotsBefore);
  });

  test('a gateway is killed and stays away: the others take over what it held', async () => {
    const trial = await system.try(async ({ seats: [, two] }) => {
      await two?.gateway.stop('SIGKILL');
      await pause(5_000);
      await two?.restart();
    });
    expectWhole(trial);
  });

  test('a gateway stands still for ten seconds and comes back', async () => {
    const [, , three] = system.seats;
    const trial = await system.try(async () => {
      three?.gateway.child.kill('SIGSTOP');
      // Its sockets stay open: clients learn of it by silence, or when it goes on.
      await pause(10_000);
      three?.gateway.child.kill('SIGCONT');
    });
    expectWhole(trial);
  });

  test('all gateways are replaced, one after the other', async () => {
    const exitCodes: (number | null)[] = [];
    const trial = await system.try(async ({ seats }) => {
      for (const seat of seats) {
        exitCodes.push(await seat.gateway.stop('SIGTERM'));
        await seat.restart();
      }
    });
    expect(exitCodes).toEqual([0, 0, 0]);
    expectWhole(trial);
  });
});
