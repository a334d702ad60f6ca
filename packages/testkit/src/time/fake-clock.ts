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
  /**
   * Lets time pass, firing each timer at its own moment, in order; after each one the promises it settled get their
   * turn, so that a timer set in answer fires too if it is due.
   */
  advance(ms: number): Promise<void>;
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

  return {
    wallMs: () => startMs + elapsedMs + steppedMs,
    monotonicMs: () => elapsedMs,
    startTimer(callback, delayMs) {
      const timer: Timer = { atMs: elapsedMs + Math.max(0, delayMs), order: order++, callback };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async advance(ms) {
      const endMs = elapsedMs + ms;
      await settlePromises();
      for (let timer = nextDue(endMs); timer !== undefined; timer = nextDue(endMs)) {
        timers.delete(timer);
        elapsedMs = Math.max(elapsedMs, timer.atMs);
        timer.callback();
        await settlePromises();
      }
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
