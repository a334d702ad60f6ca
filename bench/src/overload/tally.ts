// Counts the outcomes of the events that a producer offered, and measures how fast refusals came.

/** The sums of one phase. */
export interface Offered {
  readonly offered: number;
  readonly stored: number;
  readonly refused: number;
  /** Number of events whose error named no time for the next attempt. They were refused, or their outcome is unknown. */
  readonly withoutTime: number;
  /** Number of events whose outcome is unknown: they may or may not be stored. */
  readonly unknown: number;
  /** 99th percentile of the time from the call to the refusal. */
  readonly refusalP99Ms: number;
  /** Number of events that the producer could not offer, because it had no free connection or no time. */
  readonly notMade: number;
}

/** Maximum number of refusal times in the sample. A phase of a minute may have millions of refusals. */
const maxRefusalTimes = 20_000;

/** Counts the outcomes of one phase. */
export class Tally {
  #offered = 0;
  #stored = 0;
  #refused = 0;
  #withoutTime = 0;
  #unknown = 0;
  #notMade = 0;
  readonly #refusalsMs: number[] = [];

  offer(): void {
    this.#offered += 1;
  }

  notMade(events: number): void {
    this.#notMade += events;
  }

  stored(): void {
    this.#stored += 1;
  }

  refused(afterMs: number, refusal: { readonly hasTime: boolean; readonly isUnknown: boolean }): void {
    if (refusal.isUnknown) this.#unknown += 1;
    else this.#refused += 1;
    if (!refusal.hasTime) this.#withoutTime += 1;
    const count = this.#refused + this.#unknown;
    // Reservoir sampling gives each refusal the same chance to be in the sample.
    if (this.#refusalsMs.length < maxRefusalTimes) this.#refusalsMs.push(afterMs);
    else {
      const at = Math.floor(Math.random() * count);
      if (at < maxRefusalTimes) this.#refusalsMs[at] = afterMs;
    }
  }

  take(p99: (values: readonly number[]) => number): Offered {
    const sum: Offered = {
      offered: this.#offered,
      stored: this.#stored,
      refused: this.#refused,
      withoutTime: this.#withoutTime,
      unknown: this.#unknown,
      notMade: this.#notMade,
      refusalP99Ms: this.#refusalsMs.length === 0 ? 0 : p99(this.#refusalsMs),
    };
    this.#offered = this.#stored = this.#refused = this.#withoutTime = this.#unknown = this.#notMade = 0;
    this.#refusalsMs.length = 0;
    return sum;
  }
}
