// A clock for tests, whose time passes only when the test advances it.

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that the test controls. It implements every clock port of Millrace. */
export interface FakeClock {
  wallMs(): number;
  monotonicMs(): number;
  startTimer(callback: () => void, delayMs: number): () => void;
  /** Calls `tick` at this interval until the returned function is called. */
  every(intervalMs: number, tick: () => void): () => void;
  /**
   * Lets time pass, and fires each timer in order at its own time. After each timer, code that awaits settled promises runs.
   * A timer that this code sets fires, too, if it is due.
   */
  advance(ms: number): Promise<void>;
  /**
   * Lets time pass as `advance` does, but synchronously: code that awaits promises does not run in between.
   */
  pass(ms: number): void;
  /**
   * Lets time pass without firing timers, as in a process that gets no CPU time. The next call of `advance`
   * or `pass` fires the timers that became due.
   */
  sleep(ms: number): void;
  /** Moves only the wall clock, as an administrator or NTP would. */
  step(ms: number): void;
  /** Number of timers that wait. */
  readonly timerCount: number;
}

/** Creates a clock that starts at `startMs` (milliseconds since 1970). @defaultValue 1700000000000 */
export function fakeClock(startMs = 1_700_000_000_000): FakeClock {
  const timers = new Set<Timer>();
  let elapsedMs = 0;
  let steppedMs = 0;
  let order = 0;

  function nextDue(untilMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.atMs > untilMs) continue;
      if (
        next === undefined ||
        timer.atMs < next.atMs ||
        (timer.atMs === next.atMs && timer.order < next.order)
      ) {
        next = timer;
      }
    }
    return next;
  }

  /** Fires the next timer that is due by `untilMs`, at its own time. Returns false if there is none. */
  function fireNext(untilMs: number): boolean {
    const timer = nextDue(untilMs);
    if (timer === undefined) return false;
    timers.delete(timer);
    elapsedMs = Math.max(elapsedMs, timer.atMs);
    timer.callback();
    return true;
  }

  function startTimer(callback: () => void, delayMs: number): () => void {
    const timer: Timer = { atMs: elapsedMs + Math.max(0, delayMs), order: order++, callback };
    timers.add(timer);
    return () => timers.delete(timer);
  }

  return {
    wallMs: () => startMs + elapsedMs + steppedMs,
    monotonicMs: () => elapsedMs,
    startTimer,
    every(intervalMs, tick) {
      let stop = startTimer(fire, intervalMs);
      function fire(): void {
        stop = startTimer(fire, intervalMs);
        tick();
      }
      return () => stop();
    },
    async advance(ms) {
      const endMs = elapsedMs + ms;
      await settlePromises();
      while (fireNext(endMs)) await settlePromises();
      elapsedMs = endMs;
    },
    pass(ms) {
      const endMs = elapsedMs + ms;
      let isDue = true;
      while (isDue) isDue = fireNext(endMs);
      elapsedMs = endMs;
    },
    sleep(ms) {
      elapsedMs += ms;
    },
    step(ms) {
      steppedMs += ms;
    },
    get timerCount() {
      return timers.size;
    },
  };
}

/**
 * Waits for one turn of the event loop. After it, all promises that need no timer and no socket have settled.
 */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
