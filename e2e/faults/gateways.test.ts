// Gateways are killed, frozen and replaced under load. Their clients connect to the other gateways.
import { until } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';
import { sharedSystem } from '../fixtures/systems/shared-system.js';
import { expectToSurvive } from './support/expectations.js';
import { FaultSystem } from './support/fault-system.js';

const system = sharedSystem(() =>
  FaultSystem.start({ gateways: 3, environment: { MILLRACE_DRAIN_MS: '1500' } }),
);

/** Returns the numbers of the slots in use. Each consumer is named after a slot. */
const slots = async (): Promise<readonly string[]> =>
  (await system().redis.cli('hkeys', 'slots:{signalr-consumers}')).split('\n').sort();

describe('under faults of gateways no event is lost, repeated or reordered, and no client has to reload', () => {
  test('a gateway that is killed and restarted loses no event, and gets its consumer slot back', async () => {
    const before = await slots();
    await expectToSurvive(system(), 'a gateway killed and started again');
    expect(await slots()).toEqual(before);
  });

  test('the other gateways acknowledge the entries that a killed gateway had consumed, and no event is lost', async () => {
    await expectToSurvive(system(), 'a gateway killed that stays away for five seconds');
    // No entry is pending, not even one that the killed gateway had consumed.
    for (const stream of ['events:chat', 'events:ticket', 'events:notification'])
      await until(async () =>
        (await system().redis.cli('xpending', stream, 'signalr-consumers')).startsWith('0'),
      );
  });

  test('no event is lost while a gateway is frozen for ten seconds', async () => {
    await expectToSurvive(system(), 'a gateway stopped for ten seconds');
  });

  test('no event is lost while all gateways are replaced one after the other', async () => {
    await expectToSurvive(system(), 'all gateways replaced one after the other');
  });
});
