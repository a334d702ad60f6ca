// Measures how long events wait, and regularly checks which of them have waited too long.
import type { CancelTimer, Clock } from '@millrace/internal';

/** Number of checks in each `maxWaitMs`. A stall of this process is noticed at the next check. */
const CHECKS_PER_WAIT = 4;
/**
 * Minimum time between two checks. Without it, events that expire continuously would cause a continuous search of the queue.
 */
const MIN_CHECK_INTERVAL_MS = 10;

/** Dependencies of {@link ExpiryTimer}. */
interface ExpiryTimerDependencies {
  readonly clock: Clock;
  readonly maxWaitMs: number;
  /**
   * Refuses the events that were queued at `untilMs` or earlier. Returns the time when the oldest remaining event was queued, or
   * `Infinity` if no event waits.
   */
  expire(untilMs: number): number;
}

/**
 * States: idle ⇄ checking. Both can change to closed.
 *
 * The time in which this process was stalled does not count. After a stall, timers fire before any reply is read and before
 * anything is sent. Every waiting event would then expire.
 */
export class ExpiryTimer {
  readonly #dependencies: ExpiryTimerDependencies;
  /** Milliseconds for which this process was stalled while events waited, as far as known. */
  #stalledMs = 0;
  #cancelTimer: CancelTimer | undefined;
  /** Time of the next check, on `clock`. */
  #dueMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(dependencies: ExpiryTimerDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Returns the time that measures waits. It does not advance from the moment at which a check is due until the check runs,
   * because a process that wakes up may handle its sockets before its timers.
   */
  runningMs(): number {
    return Math.min(this.#dependencies.clock.monotonicMs(), this.#dueMs) - this.#stalledMs;
  }

  /** Starts the checks, which continue until no event waits. Called for every event. */
  start(): void {
    if (!this.#isClosed) this.#cancelTimer ??= this.#schedule(this.#dependencies.maxWaitMs / CHECKS_PER_WAIT);
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelTimer?.();
  }

  #schedule(delayMs: number): CancelTimer {
    const { clock } = this.#dependencies;
    this.#dueMs = clock.monotonicMs() + delayMs;
    return clock.startTimer(() => this.#check(), delayMs);
  }

  #check(): void {
    const { clock, maxWaitMs, expire } = this.#dependencies;
    this.#stalledMs += Math.max(0, clock.monotonicMs() - this.#dueMs);
    this.#cancelTimer = undefined;
    this.#dueMs = Number.POSITIVE_INFINITY;
    const nowMs = this.runningMs();
    const oldestMs = expire(nowMs - maxWaitMs);
    if (oldestMs === Number.POSITIVE_INFINITY) return;
    const untilDueMs = Math.max(MIN_CHECK_INTERVAL_MS, oldestMs + maxWaitMs - nowMs);
    if (!this.#isClosed)
      this.#cancelTimer ??= this.#schedule(Math.min(untilDueMs, maxWaitMs / CHECKS_PER_WAIT));
  }
}
