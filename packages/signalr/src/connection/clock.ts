/*
 * Time as the server sees it. Tests put their own clock here; nothing else in the package asks for the time.
 */

/** A source of time and of one repeated call. */
export interface Clock {
  /** Milliseconds from an arbitrary beginning; never goes back. */
  nowMs(): number;
  /** Milliseconds since 1970, for the expiry of credentials; may go back when the system's clock is set. */
  unixTimeMs(): number;
  /**
   * Calls `tick` about every `intervalMs` until the returned function is called. Must not keep the process alive. What the sockets
   * hold by then should have been read: deadlines are judged in `tick`.
   */
  every(intervalMs: number, tick: () => void): () => void;
}

/** The real clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  unixTimeMs: () => Date.now(),
  every(intervalMs, tick) {
    let look: NodeJS.Immediate | undefined;
    // A process that did not run for a while wakes with its timers first and its sockets second. Judged in the timer, every
    // client that spoke in the meantime would pass for silent.
    const timer = setInterval(() => {
      look = setImmediate(tick);
    }, intervalMs);
    timer.unref();
    return () => {
      clearInterval(timer);
      clearImmediate(look);
    };
  },
};
