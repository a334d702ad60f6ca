// Offers events as its parent process orders. Arguments: way (library or http), address, rooms.
//
// The order `in_flight` keeps a fixed number of events in flight, to measure the capacity. The order `rate` offers a fixed
// number of events per second, whatever their outcome.
import { percentile } from '../harness/statistics.js';
import { nowNs } from '../traffic/mark.js';
import { type Offered, Tally } from './tally.js';
import { offerByHttp, offerByLibrary } from './ways.js';

/** A load that the parent process orders. */
export type Phase =
  | { readonly kind: 'in_flight'; readonly count: number; readonly seconds: number }
  | { readonly kind: 'rate'; readonly perSecond: number; readonly seconds: number };

const [way = '', address = '', roomsText = ''] = process.argv.slice(2);
const rooms = roomsText.split(',');
const tally = new Tally();
const offer = way === 'http' ? offerByHttp(address, tally) : await offerByLibrary(address, tally);
let next = 0;
const pending = new Set<Promise<unknown>>();
/** Pause after a refusal while the capacity is measured. */
const afterRefusalMs = 100;

/** Offers one event. Returns false if no connection was free. */
function offerOne(intendedNs: number): boolean {
  const answered = offer(rooms[next % rooms.length] ?? '', intendedNs);
  next += 1;
  if (answered === undefined) return false;
  tally.offer();
  pending.add(answered);
  void answered.finally(() => pending.delete(answered));
  return true;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function keepInFlight({ count, seconds }: Extract<Phase, { kind: 'in_flight' }>): Promise<void> {
  const endMs = performance.now() + seconds * 1_000;
  const one = async (): Promise<void> => {
    while (performance.now() < endMs) {
      tally.offer();
      const isStored = await offer(rooms[next++ % rooms.length] ?? '', nowNs());
      if (isStored !== true) await pause(afterRefusalMs);
    }
  };
  await Promise.all(Array.from({ length: count }, one));
}

/** Maximum time for offering events in one turn of the event loop. The rest of the turn is for reading answers. */
const maxTurnMs = 5;
/** Maximum lateness of an offer. A later offer is skipped. Otherwise all late offers would be sent together. */
const maxLateSeconds = 0.25;

async function keepRate({ perSecond, seconds }: Extract<Phase, { kind: 'rate' }>): Promise<void> {
  const startMs = performance.now();
  const startNs = nowNs();
  const total = Math.round(perSecond * seconds);
  for (let made = 0; made < total; ) {
    const due = Math.min(total, Math.floor(((performance.now() - startMs) / 1_000) * perSecond));
    const late = Math.floor(due - made - perSecond * maxLateSeconds);
    if (late > 0) {
      tally.notMade(late);
      made += late;
    }
    const turnEndMs = performance.now() + maxTurnMs;
    while (made < due && performance.now() < turnEndMs) {
      const intendedNs = startNs + Math.floor((made / perSecond) * 1e9);
      made += 1;
      if (!offerOne(intendedNs)) tally.notMade(1);
    }
    await (made < due ? turn() : pause(1));
  }
}

process.on('message', (phase: Phase) => {
  const work = phase.kind === 'rate' ? keepRate(phase) : keepInFlight(phase);
  void work
    .then(() => Promise.all(pending))
    .then(() => process.send?.(tally.take((values) => percentile(values, 99)) satisfies Offered));
});
process.send?.({ ready: true });
