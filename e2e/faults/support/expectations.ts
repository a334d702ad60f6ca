// Expectations of every trial, whatever was done to the system.
import { until } from '@millrace/testkit';
import { expect } from 'vitest';
import { type FaultSystem, type Trial, trialDeliveries, trialEvents } from './fault-system.js';
import { type Fault, type FaultName, faults } from './faults.js';

/** Nothing is lost, handled twice or out of order, and no client is told that nothing is missing when something is. */
export function expectPromisesKept(trial: Trial): void {
  expect(trial, trial.examples.join('\n')).toMatchObject({
    lost: 0,
    wronglyRecovered: 0,
    handledTwice: 0,
    outOfOrder: 0,
    unknown: 0,
  });
  expect(trial).toMatchObject({ published: trialEvents, due: trialDeliveries });
}

/** Beyond that, the store lost nothing, so no client had to reload anything. */
export function expectNoReload(trial: Trial): void {
  expectPromisesKept(trial);
  expect(trial, 'a client was told to reload, though nothing was lost').toMatchObject({ excused: 0 });
  expect(trial.handled).toBe(trial.due);
}

/** Gateways tell their clients to reload over some seconds, so that they do not all reload at once. */
export async function untilAllAreToldToReload({ clients }: FaultSystem): Promise<void> {
  await until(() => clients.every(({ records }) => records.some(({ kind }) => kind === 'reload')));
}

/** Runs a fault on the system under load, and expects the promises that hold under it. */
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

/** A gateway logs each change of its states once, and not one line for every attempt. */
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
