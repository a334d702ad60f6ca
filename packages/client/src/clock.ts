// Time, as the client sees it. Tests put in a clock of their own.

/** Source of time and timers. */
export interface ClientClock {
  /** Milliseconds that only grow. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`. Returns a function that cancels it. */
  startTimer(callback: () => void, delayMs: number): () => void;
}

/** The clock of the browser or of Node. */
export const systemClock: ClientClock = {
  monotonicMs: () => performance.now(),
  startTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs);
    return () => clearTimeout(timer);
  },
};
