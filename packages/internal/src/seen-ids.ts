// A bounded set of event IDs, used to recognise repeated events. The caller passes the time.
import { OldestFirstMap } from './oldest-first-map.js';

/** Bounds of {@link SeenIds}. @internal */
export interface SeenIdsOptions {
  /** Milliseconds for which an ID is remembered after it was first seen. This is the deduplication interval. */
  readonly keepMs: number;
  /** Maximum number of IDs. Above it, the oldest ID is forgotten. */
  readonly maxIds: number;
}

/** A set of IDs. Each ID is kept for `keepMs`. IDs must be added in the order of their times. @internal */
export class SeenIds {
  readonly #options: SeenIdsOptions;
  /** ID → the time when it was first seen. Oldest first. */
  readonly #firstSeenMs = new OldestFirstMap<string, number>();

  constructor(options: SeenIdsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#firstSeenMs.size;
  }

  /** True when the ID was first seen less than `keepMs` before `timeMs`. */
  has(id: string, timeMs: number): boolean {
    const firstSeenMs = this.#firstSeenMs.get(id);
    return firstSeenMs !== undefined && timeMs - firstSeenMs < this.#options.keepMs;
  }

  /** Remembers an ID. Call this only when {@link SeenIds.has} is false for the ID. */
  add(id: string, timeMs: number): void {
    this.#firstSeenMs.set(id, timeMs);
    this.#forget(timeMs);
  }

  #forget(timeMs: number): void {
    for (let oldest = this.#firstSeenMs.oldest(); oldest !== undefined; oldest = this.#firstSeenMs.oldest()) {
      const [id, firstSeenMs] = oldest;
      const isOver = this.#firstSeenMs.size > this.#options.maxIds;
      if (!isOver && timeMs - firstSeenMs < this.#options.keepMs) return;
      this.#firstSeenMs.delete(id);
    }
  }
}
