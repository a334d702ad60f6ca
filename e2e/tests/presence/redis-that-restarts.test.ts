// Presence while Redis is killed and started again, with and without its data.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { PresenceTrial } from '../../fixtures/systems/presence-trial.js';

/** Longer than Redis is unavailable on a busy machine: nothing may be seen of a shorter outage. */
const graceMs = 5_000;

test.each([
  ['loses its data', false],
  ['keeps its data', true],
])(
  'a Redis that restarts and %s flickers nobody, and later shows who left meanwhile',
  async (_, isDurable) => {
    await using trial = await PresenceTrial.start({ users: 30, rooms: 3, gateways: 2, graceMs, isDurable });
    await trial.atRest([0, 1]);
    for (const name of trial.row.names) trial.row.get(name).mayLogErrors = true;
    const fromMs = performance.now();
    await trial.row.redis.stop();
    const gone = trial.abandon((_seat, index) => index % 10 === 0);
    for (const { client } of gone) client.cut();
    await pause(500);
    await trial.row.redis.restart();
    await trial.atRest([0, 1]);
    const restAtMs = performance.now();
    expect(trial.flickers([0, 1], fromMs)).toEqual([]);
    expect(trial.ghosts([0, 1], gone, restAtMs)).toEqual([]);
    expect(trial.differences([0, 1])).toEqual([]);
  },
);
