// A bounded map whose values expire after a fixed time.
import { OldestFirstMap } from '@millrace/internal';

interface ExpiringValue<V> {
  readonly value: V;
  readonly expiresMs: number;
}

/**
 * A map whose values expire `ttlMs` after they were set. All values have the same lifetime, so only the oldest value has to
 * be checked. Above `maxSize` values, the oldest value is removed early.
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
