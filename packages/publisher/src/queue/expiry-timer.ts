// Measures how long events wait, and checks from time to time which of them have waited too long.
import type { CancelTimer, Clock } from '@millrace/internal';

/** Number of checks in each `maxWaitMs`. A stall of this process is noticed only when the next check is due. */
const CHECKS_PER_WAIT = 4;
/**
 * Minimum time between two checks. If events expire continuously, this minimum prevents a continuous search
 * of the queue.
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
 * Time during which this process was stalled does not count. Otherwise every waiting event would expire after
 * a stall, because timers fire before any reply is read and before anything is sent.
 */
export class ExpiryTimer {
  readonly #dependencies: ExpiryTimerDependencies;
  /** Time for which this process is known to have been stalled while events waited. */
  #stalledMs = 0;
  #cancelTimer: CancelTimer | undefined;
  /** Time of the next check, on `clock`. */
  #dueMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(dependencies: ExpiryTimerDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Returns the time by which waits are measured. When a check is due, this time stands still until the check
   * runs. The reason is that a process that wakes up may handle its sockets before its timers.
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
