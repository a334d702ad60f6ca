// What every trial must show, whatever was done to the system.
import { expect } from 'vitest';
import { roomCount, type Trial, trialEvents } from './fault-system.js';

const clientsPerRoom = 4;

/** Nothing lost, nothing twice, nothing out of order, nobody told that all is well when it is not. */
export function expectPromisesKept(trial: Trial): void {
  expect(trial, trial.examples.join('\n')).toMatchObject({
    lost: 0,
    wronglyRecovered: 0,
    handledTwice: 0,
    outOfOrder: 0,
    unknown: 0,
  });
  expect(trial.published).toBe(trialEvents);
  expect(trial.due).toBe((trialEvents / roomCount) * clientsPerRoom * roomCount);
}

/** Beyond that: the store lost nothing, so nobody had to reload anything. */
export function expectWhole(trial: Trial): void {
  expectPromisesKept(trial);
  expect(trial, 'somebody was told to reload, though nothing was lost').toMatchObject({ excused: 0 });
  expect(trial.handled).toBe(trial.due);
}
