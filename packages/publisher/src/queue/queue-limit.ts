// The number of events that may wait for a stream that is offered more than it stores. Pure.

/** An event that has waited this long when it is sent is late. */
const LATE_MS = 500;
/** A stream whose events are late for this long without a break is overloaded. */
const OVERLOADED_AFTER_MS = 500;
/** An overloaded stream is in time again below this. It is well below `LATE_MS`, so that a queue at its limit stays limited. */
const IN_TIME_MS = 200;
/** Under overload as many events may wait as are stored in this time. */
const LIMIT_MS = 500;

/**
 * keeping up ⇄ late → overloaded → keeping up.
 *
 * A burst or a hiccup of the store makes events late for a moment, and all of them are accepted. Only where every batch has been
 * late for a while does more arrive than is stored. Further events would then wait longer and longer, and be refused in the end
 * after all that time. So at most as many may wait as are stored in half a second, and the rest is refused at once with a time to
 * come back. This is the idea of CoDel (RFC 8289): judge by the time spent in the queue over an interval, never by the queue's length.
 */
export class QueueLimit {
  readonly #minEvents: number;
  #lateSinceMs: number | undefined;
  #stored = 0;
  #maxWaiting = Number.POSITIVE_INFINITY;

  /** @param minEvents so many may wait in any case: they keep the store busy */
  constructor(minEvents: number) {
    this.#minEvents = minEvents;
  }

  /** Most events that may wait; `Infinity` while the stream is not overloaded. */
  get maxWaiting(): number {
    return this.#maxWaiting;
  }

  /** The next batch is being sent; its first event has waited `waitedMs`. */
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

  /** Nothing waits, or events are in time, or the store is away and its rate is unknown. */
  reset(): void {
    this.#lateSinceMs = undefined;
    this.#maxWaiting = Number.POSITIVE_INFINITY;
  }

  #startCounting(nowMs: number): void {
    this.#lateSinceMs = nowMs;
    this.#stored = 0;
  }
}
