// Counts what became of the events that a producer offered, and how fast it was told.

/** The sum of one phase. */
export interface Offered {
  readonly offered: number;
  readonly stored: number;
  readonly refused: number;
  /** Refused or unknown, and not told when to come back. */
  readonly withoutTime: number;
  /** Nobody knows whether it was stored. */
  readonly unknown: number;
  /** From the call to the refusal. */
  readonly refusalP99Ms: number;
  /** Offers that the producer itself could not make, for it was out of connections or of time. */
  readonly notMade: number;
}

/** Most refusals whose time is kept, spread evenly: a phase of a minute may have millions. */
const maxRefusalTimes = 20_000;

/** Counts one phase. */
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
    // A reservoir: each has the same chance to be in it.
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
