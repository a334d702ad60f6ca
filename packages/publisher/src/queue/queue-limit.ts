// Limits the number of events that wait for a stream if more events arrive than the stream stores. The caller passes the
// time.

/** An event is late if it waits at least this long before it is sent. */
const LATE_MS = 500;
/** A stream is overloaded if its events are late for this long without a break. */
const OVERLOADED_AFTER_MS = 500;
/**
 * An overloaded stream is on time again if its events have waited less than this. It is well below `LATE_MS`, so that a queue
 * at its limit stays limited.
 */
const IN_TIME_MS = 200;
/** The limit of an overloaded queue is the number of events that are stored in this time. */
const LIMIT_MS = 500;

/**
 * States: keeping up ⇄ late → overloaded → keeping up.
 *
 * A burst or a short delay of the store makes events late for a moment, and all of them are accepted. Batches that stay late
 * show that events arrive faster than they are stored. Without a limit, new events would wait longer and longer, and would be
 * refused in the end.
 *
 * Therefore the queue is limited to the events that are stored in half a second. Further events are refused at once, with a
 * time after which the caller may try again. This is the idea of CoDel (RFC 8289): judge by the time that events spend in the
 * queue, never by the length of the queue.
 */
export class QueueLimit {
  readonly #minEvents: number;
  #lateSinceMs: number | undefined;
  #stored = 0;
  #maxWaiting = Number.POSITIVE_INFINITY;

  /** @param minEvents number of events that may always wait, because they keep the store busy */
  constructor(minEvents: number) {
    this.#minEvents = minEvents;
  }

  /** Maximum number of events that may wait. It is `Infinity` while the stream is not overloaded. */
  get maxWaiting(): number {
    return this.#maxWaiting;
  }

  /** Records that the next batch is being sent, and that its first event has waited `waitedMs`. */
  sending(waitedMs: number, nowMs: number): void {
    const isInTime = waitedMs < (this.#maxWaiting === Number.POSITIVE_INFINITY ? LATE_MS : IN_TIME_MS);
    if (isInTime) this.reset();
    else if (this.#lateSinceMs === undefined) this.#startCounting(nowMs);
  }

  /** Records that this number of events was stored. */
  stored(events: number, nowMs: number): void {
    if (this.#lateSinceMs === undefined) return;
    this.#stored += events;
    const elapsedMs = nowMs - this.#lateSinceMs;
    if (elapsedMs < OVERLOADED_AFTER_MS) return;
    this.#maxWaiting = Math.max(this.#minEvents, Math.ceil((this.#stored / elapsedMs) * LIMIT_MS));
    this.#startCounting(nowMs);
  }

  /**
   * Removes the limit. Called when no event waits, when events are on time, or when the store has failed and its rate is
   * unknown.
   */
  reset(): void {
    this.#lateSinceMs = undefined;
    this.#maxWaiting = Number.POSITIVE_INFINITY;
  }

  #startCounting(nowMs: number): void {
    this.#lateSinceMs = nowMs;
    this.#stored = 0;
  }
}
