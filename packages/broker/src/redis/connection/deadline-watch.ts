// Watches the deadlines of many commands with one timer. It is set once per quarter of a deadline instead of once per
// command.
import type { CancelTimer, Clock } from '@millrace/internal';

/** Number of slices of a deadline. A pause of this process counts as at most one slice. */
const SLICES = 4;
/** Tolerance for rounding errors in sums of fractions, in milliseconds. */
const ROUNDING_MS = 0.001;

/** A deadline, measured in the running time of its {@link DeadlineWatch}. */
export interface Deadline {
  readonly dueMs: number;
  readonly timeoutMs: number;
}

/**
 * Counts only the time in which this process runs. A busy machine may suspend the process for seconds. When it runs again,
 * its timers fire before it reads the replies that have arrived. Therefore the time is divided into slices. A slice never
 * counts as more than its length, even if it ends late. After the last slice, the sockets are read once more before the
 * deadline takes effect.
 *
 * States:
 * - `start` changes idle to counting.
 * - At the end of a slice, counting continues. It changes to looking when a deadline has passed, and to idle when no command
 *   waits.
 * - Looking changes to counting or idle after the sockets were read.
 */
export class DeadlineWatch {
  readonly #clock: Clock;
  readonly #earliest: () => Deadline | undefined;
  readonly #onPassed: (nowMs: number) => void;
  /** Running time when the slice began. */
  #ranMs = 0;
  #sliceStartMs = 0;
  /** Length of the present slice. 0 while no slice is being counted. */
  #sliceMs = 0;
  /**
   * True if a deadline has passed and the sockets are being read once more. A new command must not delay the end of this
   * state.
   */
  #isLooking = false;
  #cancel: CancelTimer = () => {};

  /**
   * @param earliest returns the earliest open deadline
   * @param onPassed ends all commands that are due at this running time
   */
  constructor(clock: Clock, earliest: () => Deadline | undefined, onPassed: (nowMs: number) => void) {
    this.#clock = clock;
    this.#earliest = earliest;
    this.#onPassed = onPassed;
  }

  /** Returns the deadline of a command that begins now. */
  start(timeoutMs: number): Deadline {
    const dueMs = this.#runningMs() + timeoutMs;
    const isCovered = this.#sliceMs > 0 && dueMs >= this.#ranMs + this.#sliceMs;
    if (!isCovered && !this.#isLooking) this.#count(timeoutMs / SLICES);
    return { dueMs, timeoutMs };
  }

  stop(): void {
    this.#cancel();
    this.#sliceMs = 0;
    this.#isLooking = false;
  }

  /** Returns the running time: the milliseconds for which this process has run. */
  #runningMs(): number {
    if (this.#sliceMs === 0) return this.#ranMs;
    return this.#ranMs + Math.min(this.#sliceMs, this.#clock.monotonicMs() - this.#sliceStartMs);
  }

  #count(sliceMs: number): void {
    this.#ranMs = this.#runningMs();
    this.#cancel();
    this.#sliceMs = sliceMs;
    this.#sliceStartMs = this.#clock.monotonicMs();
    this.#cancel = this.#clock.startTimer(() => this.#endSlice(), sliceMs);
  }

  #endSlice(): void {
    this.#ranMs += this.#sliceMs;
    this.#sliceMs = 0;
    const next = this.#earliest();
    if (next === undefined) return;
    const leftMs = next.dueMs - this.#ranMs;
    if (leftMs > ROUNDING_MS) return this.#count(Math.min(leftMs, next.timeoutMs / SLICES));
    // In a turn of the event loop, timers run first, then sockets, then `setImmediate`.
    this.#isLooking = true;
    const look = setImmediate(() => this.#look());
    this.#cancel = () => clearImmediate(look);
  }

  #look(): void {
    this.#isLooking = false;
    this.#onPassed(this.#ranMs + ROUNDING_MS);
    const next = this.#earliest();
    if (next === undefined || this.#sliceMs > 0) return;
    this.#count(Math.max(0, Math.min(next.dueMs - this.#ranMs, next.timeoutMs / SLICES)));
  }
}
