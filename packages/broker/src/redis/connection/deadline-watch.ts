// Watches over the deadlines of many commands with one timer, which is set once per quarter of a deadline and not once per command.
import type { CancelTimer, Clock } from '@millrace/internal';

/** A stall of this process is noticed, and forgiven, to within this part of a deadline. */
const SLICES = 4;
/** Sums of fractions miss by less than this. */
const ROUNDING_MS = 0.001;

/** A deadline, in the running time of its watch. */
export interface Deadline {
  readonly dueMs: number;
  readonly timeoutMs: number;
}

/**
 * Only time in which this process ran counts: on a machine without a free processor it may sleep for seconds, and then its timers
 * fire before it has read the replies that came meanwhile. So the time is counted in slices, each of which counts for no more than its
 * length however late it ends, and after the last one the sockets are read once more.
 *
 * State: idle → counting a slice by `start`; counting → counting, looking, or idle when nothing waits; looking → counting or idle.
 */
export class DeadlineWatch {
  readonly #clock: Clock;
  readonly #earliest: () => Deadline | undefined;
  readonly #onPassed: (nowMs: number) => void;
  /** Running time when the slice began. */
  #ranMs = 0;
  #sliceStartMs = 0;
  /** 0: no slice is counted. */
  #sliceMs = 0;
  /** A deadline has passed; the sockets are read once more before it counts. What begins meanwhile must not put that off. */
  #isLooking = false;
  #cancel: CancelTimer = () => {};

  /** `earliest`: of the deadlines that are open; `onPassed` ends all that are due, in running time. */
  constructor(clock: Clock, earliest: () => Deadline | undefined, onPassed: (nowMs: number) => void) {
    this.#clock = clock;
    this.#earliest = earliest;
    this.#onPassed = onPassed;
  }

  /** The deadline for what begins now. */
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

  /** Milliseconds in which this process ran. */
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
    // Timers come first in a turn of the event loop, then sockets, then this.
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
