// A token bucket limits a rate. Tokens are refilled at a constant rate up to a maximum, and each limited call takes tokens.

/** A rate, and the maximum burst after a pause. @internal */
export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

/** A bucket of tokens. It is full at first. Works without timers. @internal */
export class TokenBucket {
  readonly #rate: Rate;
  #tokens: number;
  #atMs: number;

  constructor(rate: Rate, timeMs: number) {
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#atMs = timeMs;
  }

  /** Milliseconds until an empty bucket is full again. */
  static fullAfterMs({ perSecond, burst }: Rate): number {
    return (burst / perSecond) * 1000;
  }

  /**
   * Takes the tokens and returns 0. If the bucket has too few tokens, takes none and returns the milliseconds until it has
   * enough. A cost above the burst passes when the bucket is full. The bucket then owes the rest, so later calls wait longer.
   */
  take(timeMs: number, cost = 1): number {
    const waitMs = this.waitMs(timeMs, cost);
    if (waitMs === 0) this.#tokens -= cost;
    return waitMs;
  }

  /** Returns the milliseconds until the bucket has enough tokens for this cost, or 0 if it has them now. */
  waitMs(timeMs: number, cost = 1): number {
    this.#refill(timeMs);
    const { perSecond, burst } = this.#rate;
    const missing = Math.min(cost, burst) - this.#tokens;
    return missing <= 0 ? 0 : Math.max(1, Math.ceil((missing / perSecond) * 1000));
  }

  #refill(timeMs: number): void {
    const { perSecond, burst } = this.#rate;
    this.#tokens = Math.min(burst, this.#tokens + (Math.max(0, timeMs - this.#atMs) / 1000) * perSecond);
    this.#atMs = timeMs;
  }
}
