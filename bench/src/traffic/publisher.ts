// The process that publishes in a run. Which way an event goes is the caller's; when it goes is the parent's order: an open loop at
// a fixed rate, whatever becomes of the events.
import { createHistogram, encodeHistogram, recordNs } from './histogram.js';
import { nowNs } from './mark.js';
import { keepTime } from './metronome.js';

/** One stretch of load. */
export interface SendOrder {
  readonly rooms: readonly string[];
  readonly eventsPerSecond: number;
  readonly events: number;
  /** Number of the first event. */
  readonly firstNumber: number;
  /** Events go in groups on this grid, as they come in from many users at once; 0: each at a time of its own. */
  readonly gridMs: number;
}

/** Report of a publisher after an order. */
export interface SendReport {
  readonly sent: number;
  /** Events whose publisher was told that they failed. */
  readonly failed: number;
  readonly firstFailure?: string;
  /** From the intended time to the call, the generator's own lateness: a histogram, or nanoseconds of each event. */
  readonly lateness: string | readonly number[];
  /** From the first intended time to the last call. */
  readonly sendingMs: number;
}

/** Number, room and time of an event. */
export interface EventPlace {
  readonly number: number;
  /** The room's number in the order. */
  readonly room: number;
  readonly intendedNs: number;
}

/** Sends one event. A rejected promise counts as failed. */
export type Send = (roomId: string, place: EventPlace) => Promise<unknown> | undefined;

const startInNs = 20_000_000;

async function carryOut(order: SendOrder, send: Send): Promise<SendReport> {
  const lateness = createHistogram();
  const { rooms, eventsPerSecond, events, firstNumber, gridMs } = order;
  const perTick = Math.max(1, Math.round((eventsPerSecond * gridMs) / 1_000));
  const startNs = nowNs() + startInNs;
  let failed = 0;
  let firstFailure: string | undefined;
  let sent = 0;
  let open = 0;
  let onSettled = (): void => {};
  const settle = (): void => {
    open -= 1;
    if (open === 0) onSettled();
  };
  const fail = (error: unknown): void => {
    failed += 1;
    firstFailure ??= String(error);
    settle();
  };
  await keepTime(
    { startNs, tickNs: (perTick / eventsPerSecond) * 1e9, ticks: Math.ceil(events / perTick) },
    (_, intendedNs) => {
      for (const end = Math.min(events, sent + perTick); sent < end; sent += 1) {
        recordNs(lateness, nowNs() - intendedNs);
        const number = firstNumber + sent;
        const room = number % rooms.length;
        const answered = send(rooms[room] ?? '', { number, room, intendedNs: Math.round(intendedNs) });
        if (answered === undefined) continue;
        open += 1;
        answered.then(settle, fail);
      }
    },
  );
  // One tick more, so that the rate comes out right.
  const sendingMs = (nowNs() - startNs) / 1e6 + (perTick / eventsPerSecond) * 1e3;
  if (open > 0) {
    await new Promise<void>((resolve) => {
      onSettled = resolve;
    });
  }
  return {
    sent,
    failed,
    ...(firstFailure === undefined ? {} : { firstFailure }),
    lateness: encodeHistogram(lateness),
    sendingMs,
  };
}

/** Answers the parent's orders, one after the other, until it is ended. */
export function servePublisher(send: Send): void {
  process.on('message', (order: SendOrder) => {
    void carryOut(order, send).then((report) => process.send?.(report));
  });
  process.send?.({ ready: true });
}
