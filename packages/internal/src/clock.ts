// Clocks and timers. Code receives its clock as a dependency, so that tests control the time.

/** Cancels a timer. Has no effect on a timer that has fired or was cancelled already. @internal */
export type CancelTimer = () => void;

/** A source of time and timers. @internal */
export interface Clock {
  /** Returns the Unix time in milliseconds. The time jumps when somebody sets the system's clock. */
  wallMs(): number;
  /** Returns the milliseconds since a fixed moment. The value never decreases. */
  monotonicMs(): number;
  /** Calls `callback` once, after `delayMs` milliseconds. Returns a function that cancels the timer. */
  startTimer(callback: () => void, delayMs: number): CancelTimer;
}

/**
 * Longest delay of a timer, about 24.8 days. Node and browsers run a timer with a longer delay immediately.
 * @internal
 */
export const MAX_TIMER_MS = 2_147_483_647;

/** The clock of this machine. Delays longer than `MAX_TIMER_MS` are shortened to this value. @internal */
export const systemClock: Clock = Object.freeze({
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  startTimer(callback: () => void, delayMs: number): CancelTimer {
    const timer = setTimeout(callback, Math.min(delayMs, MAX_TIMER_MS));
    return () => clearTimeout(timer);
  },
});

/** Resolves after `delayMs`, or immediately when `signal` fires. Never rejects. @internal */
export function pause(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const end = (): void => {
      cancel();
      signal?.removeEventListener('abort', end);
      resolve();
    };
    const cancel = clock.startTimer(end, delayMs);
    signal?.addEventListener('abort', end, { once: true });
  });
}
