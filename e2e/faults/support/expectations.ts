// Expectations that apply to every trial, whatever its fault.
import { until } from '@millrace/testkit';
import { expect } from 'vitest';
import { type FaultSystem, type Trial, trialDeliveries, trialEvents } from './fault-system.js';
import { type Fault, type FaultName, faults } from './faults.js';

/**
 * Expects that no event is lost, handled twice or out of order, and that no client was wrongly told that nothing is missing.
 */
export function expectPromisesKept(trial: Trial): void {
  expect(trial, trial.examples.join('\n')).toMatchObject({
    lost: 0,
    wronglyRecovered: 0,
    handledTwice: 0,
    outOfOrder: 0,
    unknown: 0,
  });
  expect(trial).toMatchObject({ published: trialEvents, due: trialDeliveries });
  expectExactlyWhatWasSent(trial);
}

/** Expects that clients that cannot resume were sent everything while they were connected, in order and none twice. */
function expectExactlyWhatWasSent({ plain }: Trial): void {
  expect(plain, plain.examples.join('\n')).toMatchObject({
    missing: 0,
    receivedTwice: 0,
    outOfOrder: 0,
    unknown: 0,
  });
  expect(plain.received).toBeGreaterThan(0);
}

/** Expects the same as {@link expectPromisesKept}, and that no client had to reload, because Redis lost nothing. */
export function expectNoReload(trial: Trial): void {
  expectPromisesKept(trial);
  expect(trial, 'a client was told to reload, though nothing was lost').toMatchObject({ excused: 0 });
  expect(trial.handled).toBe(trial.due);
}

/**
 * Waits until every client is told to reload. Gateways spread these messages over some seconds, so that clients do not all
 * reload at the same moment.
 */
export async function untilAllAreToldToReload({ clients }: FaultSystem): Promise<void> {
  await until(() => clients.every(({ records }) => records.some(({ kind }) => kind === 'reload')));
}

/** Causes a fault under load, and expects that the promises for this fault are kept. */
export async function expectToSurvive(
  system: FaultSystem,
  name: FaultName,
  random = Math.random,
): Promise<Trial> {
  const fault: Fault = faults[name];
  const trial = await system.try((target) => fault.run(target, random));
  if (fault.isLossless) expectNoReload(trial);
  else expectPromisesKept(trial);
  expectEachChangeLoggedOnce(system);
  return trial;
}

/** Expects that a gateway logs each change of its state once, not once per attempt. */
function expectEachChangeLoggedOnce({ seats }: FaultSystem): void {
  for (const { gateway } of seats) {
    for (const message of ['broker state', 'subscriber state']) {
      const states = gateway.lines
        .filter((line) => line.includes(`"msg":"${message}"`))
        .map((line) => /"state":"([^"]+)"/.exec(line)?.[1]);
      const repeated = states.filter((state, index) => index > 0 && state === states[index - 1]);
      expect(repeated, `${message} logged twice in a row`).toEqual([]);
    }
  }
}
