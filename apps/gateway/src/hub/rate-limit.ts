// Limits the number of events that each user may send, with a token bucket per user that is refilled at a constant rate. Decision
// 15 compares this code with a library.
import { OldestFirstMap } from '@millrace/internal';

/** Rate and bounds of {@link RateLimit}. */
export interface RateLimitOptions {
  readonly perSecond: number;
  /** Maximum number of events that a user may send at once after a pause. */
  readonly burst: number;
  /**
   * Maximum number of remembered users. If there are more, the user whose last event is the oldest is forgotten, and has a full
   * bucket again.
   */
  readonly maxUsers: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** The token buckets of all users. Works without timers. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  /** User ID → bucket. The user whose last event is the oldest comes first. */
  readonly #buckets = new OldestFirstMap<string, Bucket>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** Takes one token and returns 0. If the bucket is empty, returns the milliseconds until the next token. */
  take(userId: string, timeMs: number): number {
    const { perSecond, burst } = this.#options;
    const known = this.#buckets.get(userId) ?? { tokens: burst, atMs: timeMs };
    const tokens = Math.min(burst, known.tokens + (Math.max(0, timeMs - known.atMs) / 1000) * perSecond);
    const left = tokens >= 1 ? tokens - 1 : tokens;
    this.#buckets.set(userId, { tokens: left, atMs: timeMs });
    this.#forgetOld(timeMs);
    return tokens >= 1 ? 0 : Math.max(1, Math.ceil(((1 - tokens) / perSecond) * 1000));
  }

  #forgetOld(timeMs: number): void {
    const { perSecond, burst, maxUsers } = this.#options;
    for (let oldest = this.#buckets.oldest(); oldest !== undefined; oldest = this.#buckets.oldest()) {
      const [userId, { atMs }] = oldest;
      // A bucket that is full again is the same as no bucket.
      const isFull = timeMs - atMs >= (burst / perSecond) * 1000;
      if (!isFull && this.#buckets.size <= maxUsers) return;
      this.#buckets.delete(userId);
    }
  }
}
