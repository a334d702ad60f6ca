/*
 * Time as the server sees it. Tests put their own clock here; nothing else in the package asks for the time.
 */

/** A source of monotonic time and of one repeated call. */
export interface Clock {
  /** Milliseconds from an arbitrary beginning; never goes back. */
  nowMs(): number;
  /** Calls `tick` about every `intervalMs` until the returned function is called. Must not keep the process alive. */
  every(intervalMs: number, tick: () => void): () => void;
}

/** The real clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  every(intervalMs, tick) {
    const timer = setInterval(tick, intervalMs);
    timer.unref();
    return () => clearInterval(timer);
  },
};
