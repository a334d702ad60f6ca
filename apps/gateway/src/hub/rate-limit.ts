// How much each user may send: a bucket of tokens per user that fills at a constant rate.
import { OldestFirstMap } from '@millrace/internal';

/** Rate and bounds of {@link RateLimit}. */
export interface RateLimitOptions {
  readonly perSecond: number;
  /** So many at once, after a pause. */
  readonly burst: number;
  /** Most users remembered; the one that sent longest ago is forgotten first, and starts with a full bucket again. */
  readonly maxUsers: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Buckets of all users. Holds no timers. */
export class RateLimit {
  readonly #options: RateLimitOptions;
  /** Who sent longest ago comes first. */
  readonly #buckets = new OldestFirstMap<string, Bucket>();

  constructor(options: RateLimitOptions) {
    this.#options = options;
  }

  /** Takes one token. Returns 0, or in how many milliseconds there is one again. */
  take(userId: string, nowMs: number): number {
    const { perSecond, burst } = this.#options;
    const known = this.#buckets.get(userId) ?? { tokens: burst, atMs: nowMs };
    const tokens = Math.min(burst, known.tokens + (Math.max(0, nowMs - known.atMs) / 1000) * perSecond);
    const left = tokens >= 1 ? tokens - 1 : tokens;
    this.#buckets.set(userId, { tokens: left, atMs: nowMs });
    this.#forgetOld(nowMs);
    return tokens >= 1 ? 0 : Math.max(1, Math.ceil(((1 - tokens) / perSecond) * 1000));
  }

  #forgetOld(nowMs: number): void {
    const { perSecond, burst, maxUsers } = this.#options;
    for (let oldest = this.#buckets.oldest(); oldest !== undefined; oldest = this.#buckets.oldest()) {
      const [userId, { atMs }] = oldest;
      // A bucket that is full again says nothing that an absent one does not.
      const isFull = nowMs - atMs >= (burst / perSecond) * 1000;
      if (!isFull && this.#buckets.size <= maxUsers) return;
      this.#buckets.delete(userId);
    }
  }
}
