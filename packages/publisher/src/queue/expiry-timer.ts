// Measures how long events wait, and checks from time to time which of them have waited too long.
import type { CancelTimer, Clock } from '@millrace/internal';

/** Checks in each `maxWaitMs`: a stall of this process is noticed that late. */
const CHECKS_PER_WAIT = 4;
/** Shortest time between two checks, so that a queue in which events expire all the time is not walked all the time. */
const MIN_CHECK_INTERVAL_MS = 10;

/** Dependencies of {@link ExpiryTimer}. */
interface ExpiryTimerDependencies {
  readonly clock: Clock;
  readonly maxWaitMs: number;
  /**
   * Refuses the events that have waited since `untilMs` or longer. Returns since when the oldest of the others has waited; `Infinity`
   * when none waits.
   */
  expire(untilMs: number): number;
}

/**
 * idle ⇄ checking; either → closed.
 *
 * Time during which this process was stalled does not count. After a stall, timers fire before any reply is read or anything is sent, so
 * every event that waits would expire.
 */
export class ExpiryTimer {
  readonly #dependencies: ExpiryTimerDependencies;
  /** How long this process is known to have slept while something waited. */
  #stalledMs = 0;
  #cancelTimer: CancelTimer | undefined;
  /** When the next check is due, on `clock`. */
  #dueMs = Number.POSITIVE_INFINITY;
  #isClosed = false;

  constructor(dependencies: ExpiryTimerDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * The time on which waits are measured. It stands still from the moment when a check is due until the check runs, because a process
   * that wakes may handle its sockets before its timers.
   */
  runningMs(): number {
    return Math.min(this.#dependencies.clock.monotonicMs(), this.#dueMs) - this.#stalledMs;
  }

  /** Checks until nothing waits. Called for every event. */
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
