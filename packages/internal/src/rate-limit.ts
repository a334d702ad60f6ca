// Limits how often each user, API key or address may do something. Each one has its own bucket of tokens. Decision 15 says
// why this code is not a library.
import { OldestFirstMap } from './oldest-first-map.js';
import { type Rate, TokenBucket } from './token-bucket.js';

/** Rate and bounds of {@link RateLimit}. @internal */
export interface RateLimitOptions extends Rate {
  /**
   * Maximum number of remembered keys. Above it, the key that was used longest ago is forgotten. A forgotten key starts again
   * with a full bucket.
   */
  readonly maxKeys: number;
}

interface Used {
  readonly bucket: TokenBucket;
  readonly atMs: number;
}

/** The buckets of all keys. Works without timers. @internal */
export class RateLimit {
  readonly #options: RateLimitOptions;
  /** Key → bucket. The key that was used longest ago comes first. */
  readonly #buckets = new OldestFirstMap<string, Used>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** Takes tokens from the bucket of a key. See `TokenBucket.take`. */
  take(key: string, timeMs: number, cost = 1): number {
    const bucket = this.#buckets.get(key)?.bucket ?? new TokenBucket(this.#options, timeMs);
    const waitMs = bucket.take(timeMs, cost);
    this.#buckets.set(key, { bucket, atMs: timeMs });
    this.#forgetOld(timeMs);
    return waitMs;
  }

  /** Returns the milliseconds until a key has enough tokens. Takes no tokens. See `TokenBucket.waitMs`. */
  waitMs(key: string, timeMs: number, cost = 1): number {
    return this.#buckets.get(key)?.bucket.waitMs(timeMs, cost) ?? 0;
  }

  #forgetOld(timeMs: number): void {
    for (let oldest = this.#buckets.oldest(); oldest !== undefined; oldest = this.#buckets.oldest()) {
      const [key, { atMs }] = oldest;
      // A bucket that is full again can be forgotten: a new bucket is full, too.
      const isFull = timeMs - atMs >= TokenBucket.fullAfterMs(this.#options);
      if (!isFull && this.#buckets.size <= this.#options.maxKeys) return;
      this.#buckets.delete(key);
    }
  }
}
