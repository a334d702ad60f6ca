// Counts in memory, for one process.
import { OldestFirstMap } from '@millrace/internal';
import type { CounterStore, Occurrence } from '../port/counters.js';

interface Count {
  readonly value: number;
  readonly countedMs: number;
  readonly forgetMs: number;
}

/** Maximum number of names. Above it, the name that was counted longest ago is forgotten. */
const MAX_NAMES = 100_000;

/** A {@link CounterStore} inside one process. */
export class MemoryCounters implements CounterStore {
  readonly #monotonicMs: () => number;
  readonly #checkReady: () => void;
  readonly #counts = new OldestFirstMap<string, Count>();

  /** @param checkReady throws while the broker is not open */
  constructor(monotonicMs: () => number, checkReady: () => void) {
    this.#monotonicMs = monotonicMs;
    this.#checkReady = checkReady;
  }

  async count({ name, ageMs, keepMs }: Occurrence): Promise<number> {
    this.#checkReady();
    const nowMs = this.#monotonicMs();
    const before = this.#get(name, nowMs);
    if (before !== undefined && nowMs - ageMs < before.countedMs) return before.value;
    const value = (before?.value ?? 0) + 1;
    this.#counts.set(name, { value, countedMs: nowMs, forgetMs: nowMs + keepMs });
    for (let oldest = this.#counts.oldest(); oldest !== undefined; oldest = this.#counts.oldest()) {
      if (oldest[1].forgetMs > nowMs && this.#counts.size <= MAX_NAMES) break;
      this.#counts.delete(oldest[0]);
    }
    return value;
  }

  async read(name: string): Promise<number> {
    this.#checkReady();
    return this.#get(name, this.#monotonicMs())?.value ?? 0;
  }

  #get(name: string, nowMs: number): Count | undefined {
    const count = this.#counts.get(name);
    return count !== undefined && count.forgetMs > nowMs ? count : undefined;
  }
}
