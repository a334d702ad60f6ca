// How many events may wait for a stream that is offered more than it takes. Pure.

/** An event that has waited this long when its turn comes is late. */
const LATE_MS = 500;
/** Late for this long without a break, and the stream is overloaded. */
const OVERLOADED_AFTER_MS = 500;
/** In time again: well below, so that a queue which is kept at its limit stays limited. */
const IN_TIME_MS = 200;
/** Under overload as much may wait as is stored in this time. */
const LIMIT_MS = 500;

/**
 * keeping up ⇄ late → overloaded → keeping up.
 *
 * A burst or a hiccup of the store makes events late for a moment, and all of them are welcome. Only where every batch has been
 * late for a while is more coming in than goes out: then whatever more was let in would wait longer and longer and be refused
 * in the end, after all that time. So no more may wait than is stored in half a second, and the rest is told at once to come
 * back. The idea of CoDel (RFC 8289): judge by the time spent in the queue, over an interval, never by its length.
 */
export class QueueLimit {
  readonly #minEvents: number;
  #lateSinceMs: number | undefined;
  #stored = 0;
  #maxWaiting = Number.POSITIVE_INFINITY;

  /** @param minEvents so many may wait in any case: what keeps the store busy */
  constructor(minEvents: number) {
    this.#minEvents = minEvents;
  }

  /** Most events that may wait. */
  get maxWaiting(): number {
    return this.#maxWaiting;
  }

  /** The next batch is on its way; its first event has waited `waitedMs`. */
  sending(waitedMs: number, nowMs: number): void {
    const isInTime = waitedMs < (this.#maxWaiting === Number.POSITIVE_INFINITY ? LATE_MS : IN_TIME_MS);
    if (isInTime) this.reset();
    else if (this.#lateSinceMs === undefined) this.#startCounting(nowMs);
  }

  /** So many were stored. */
  stored(events: number, nowMs: number): void {
    if (this.#lateSinceMs === undefined) return;
    this.#stored += events;
    const elapsedMs = nowMs - this.#lateSinceMs;
    if (elapsedMs < OVERLOADED_AFTER_MS) return;
    this.#maxWaiting = Math.max(this.#minEvents, Math.ceil((this.#stored / elapsedMs) * LIMIT_MS));
    this.#startCounting(nowMs);
  }

  /** Nothing waits, or it is in time, or the store is away and nothing is known of how much it takes. */
  reset(): void {
    this.#lateSinceMs = undefined;
    this.#maxWaiting = Number.POSITIVE_INFINITY;
  }

  #startCounting(nowMs: number): void {
    this.#lateSinceMs = nowMs;
    this.#stored = 0;
  }
}
