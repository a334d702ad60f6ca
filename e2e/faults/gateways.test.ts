// Gateways are killed, frozen and replaced under load; their clients go to the others.
import { until } from '@millrace/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectToSurvive } from './support/expectations.js';
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
  test('a gateway is killed and started again; it takes the slot of the one before it', async () => {
    const before = await slots();
    await expectToSurvive(system, 'a gateway killed and started again');
    expect(await slots()).toEqual(before);
  });

  test('a gateway is killed and stays away; the others take over what it held', async () => {
    await expectToSurvive(system, 'a gateway killed that stays away for five seconds');
    // Nothing that it had consumed is left over.
    for (const stream of ['events:chat', 'events:ticket', 'events:notification'])
      await until(async () =>
        (await system.redis.cli('xpending', stream, 'signalr-consumers')).startsWith('0'),
      );
  });

  test('a gateway stands still for ten seconds and comes back', async () => {
    await expectToSurvive(system, 'a gateway stopped for ten seconds');
  });

  test('all gateways are replaced, one after the other', async () => {
    await expectToSurvive(system, 'all gateways replaced one after the other');
  });
});
