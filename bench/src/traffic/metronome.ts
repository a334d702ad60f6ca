// Says when it is time to send, without taking the processor while it waits: a thread of its own sleeps until shortly before each
// intended time and wakes the main thread, whose timers alone are exact to a millisecond only.
import { Worker } from 'node:worker_threads';
import { nowNs } from './mark.js';

/** A schedule: so many ticks, one at each multiple of `tickNs` from `startNs` on. */
export interface Schedule {
  readonly startNs: number;
  readonly tickNs: number;
  readonly ticks: number;
}

/** Woken this long before the time; the rest is waited out in turns of the event loop. */
const leadNs = 150_000;

/** Program of the thread. A text, so that it runs from wherever this file does. */
const sleeper = `
const { parentPort, workerData: { startNs, tickNs, ticks, leadNs } } = require('node:worker_threads');
const never = new Int32Array(new SharedArrayBuffer(4));
for (let tick = 0; tick < ticks; tick += 1) {
  const waitNs = startNs + tick * tickNs - leadNs - Number(process.hrtime.bigint());
  if (waitNs > 0) Atomics.wait(never, 0, 0, waitNs / 1e6);
  parentPort.postMessage(tick);
}
`;

/**
 * Calls `onTick` for every tick, in order, never before its time. A tick that is late keeps its intended time, so that waiting is
 * measured and never left out. Resolves after the last.
 */
export async function keepTime(
  schedule: Schedule,
  onTick: (tick: number, intendedNs: number) => void,
): Promise<void> {
  const { startNs, tickNs, ticks } = schedule;
  const worker = new Worker(sleeper, { eval: true, workerData: { ...schedule, leadNs } });
  await new Promise<void>((resolve, reject) => {
    let next = 0;
    let isWaiting = false;
    const turn = (): void => {
      isWaiting = false;
      for (; next < ticks; next += 1) {
        const intendedNs = startNs + next * tickNs;
        const waitNs = intendedNs - nowNs();
        if (waitNs > 2 * leadNs) return;
        if (waitNs > 0) {
          isWaiting = true;
          setImmediate(turn);
          return;
        }
        onTick(next, intendedNs);
      }
      resolve();
    };
    worker.on('message', () => {
      if (!isWaiting && next < ticks) turn();
    });
    worker.once('error', reject);
  });
  await worker.terminate();
}
