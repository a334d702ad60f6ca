// Time that passes only when the test says so.

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock under the test's control. Fits every clock port of Millrace. */
export interface FakeClock {
  wallMs(): number;
  monotonicMs(): number;
  startTimer(callback: () => void, delayMs: number): () => void;
  /** Calls `tick` again and again at this interval, until the returned function is called. */
  every(intervalMs: number, tick: () => void): () => void;
  /**
   * Lets time pass, firing each timer at its own moment, in order; after each one the promises it settled get their
   * turn, so that a timer set in answer fires too if it is due.
   */
  advance(ms: number): Promise<void>;
  /** Lets time pass as `advance` does, in this very turn: promises get no turn in between. */
  pass(ms: number): void;
  /** Time passes and nothing runs, as in a process without a processor: what became due fires late, when time is advanced. */
  sleep(ms: number): void;
  /** Moves the wall clock alone, as an administrator or NTP would. */
  step(ms: number): void;
  /** How many timers wait. */
  readonly timerCount: number;
}

/** A clock that stands at `startMs` (milliseconds since 1970). @defaultValue 1700000000000 */
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

  /** Fires the next timer that is due by then, at its moment. */
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

/** A turn of the event loop: every promise that can settle without time or a socket has. */
function settlePromises(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
