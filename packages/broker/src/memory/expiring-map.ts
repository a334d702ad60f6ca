// Values that are forgotten after a fixed time.
import { OldestFirstMap } from '@millrace/internal';

interface ExpiringValue<V> {
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
  readonly #values = new OldestFirstMap<string, ExpiringValue<V>>();

  constructor(ttlMs: number, maxSize: number) {
    this.#ttlMs = ttlMs;
    this.#maxSize = maxSize;
  }

  get(key: string, nowMs: number): V | undefined {
    const known = this.#values.get(key);
    return known !== undefined && known.expiresMs > nowMs ? known.value : undefined;
  }

  set(key: string, value: V, nowMs: number): void {
    this.#values.set(key, { value, expiresMs: nowMs + this.#ttlMs });
    this.#forget(nowMs);
  }

  #forget(nowMs: number): void {
    for (let oldest = this.#values.oldest(); oldest !== undefined; oldest = this.#values.oldest()) {
      const [key, { expiresMs }] = oldest;
      if (expiresMs > nowMs && this.#values.size <= this.#maxSize) return;
      this.#values.delete(key);
    }
  }
}
