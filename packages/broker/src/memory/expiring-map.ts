// Values that are forgotten after a fixed time.
import { OldestFirstMap } from '@millrace/internal';

interface Held<V> {
  readonly value: V;
  readonly expiresMs: number;
}

/**
 * A map whose values live `ttlMs` from when they were set. All live equally long, so the oldest expires first and
 * a look at the front is enough. Bounded: at `maxSize` the oldest is forgotten early.
 */
export class ExpiringMap<V> {
  readonly #ttlMs: number;
  readonly #maxSize: number;
  readonly #held = new OldestFirstMap<string, Held<V>>();

  constructor(ttlMs: number, maxSize: number) {
    this.#ttlMs = ttlMs;
    this.#maxSize = maxSize;
  }

  get(key: string, nowMs: number): V | undefined {
    const held = this.#held.get(key);
    return held !== undefined && held.expiresMs > nowMs ? held.value : undefined;
  }

  set(key: string, value: V, nowMs: number): void {
    this.#held.set(key, { value, expiresMs: nowMs + this.#ttlMs });
    this.#forget(nowMs);
  }

  #forget(nowMs: number): void {
    for (let oldest = this.#held.oldest(); oldest !== undefined; oldest = this.#held.oldest()) {
      const [key, { expiresMs }] = oldest;
      if (expiresMs > nowMs && this.#held.size <= this.#maxSize) return;
      this.#held.delete(key);
    }
  }
}
