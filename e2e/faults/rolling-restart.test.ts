// Four gateways are replaced one after the other under load, and no client is told to reload. `npm run rolling-restart` runs this
// test with 5,000 events a second.
import { expect, test } from 'vitest';
import { FaultSystem } from './support/fault-system.js';
import { faults } from './support/faults.js';

const eventsPerSecond = Number(process.env['ROLLING_EVENTS_PER_SECOND'] ?? '500');
const seconds = 20;

test(`no client has to reload while four gateways are replaced in turn under ${eventsPerSecond} events a second`, async () => {
  await using system = await FaultSystem.start({ gateways: 4, environment: { MILLRACE_DRAIN_MS: '1500' } });
  const load = { events: eventsPerSecond * seconds, eventsPerSecond };
  const { 'all gateways replaced one after the other': fault } = faults;
  const trial = await system.try((target) => fault.run(target), {}, load);
  console.info(`handled ${trial.handled}, replayed ${trial.replayed}, repeated ${trial.repeated}`);
  // This check comes first, because its output names the reasons for reloads.
  expect(system.reloads).toEqual([]);
  expect(trial, trial.examples.join('\n')).toMatchObject({
    published: load.events,
    lost: 0,
    excused: 0,
    wronglyRecovered: 0,
    handledTwice: 0,
    outOfOrder: 0,
  });
  expect(trial.replayed).toBeGreaterThan(0);
}, 600_000);
