// A bounded memory of event IDs, to recognise a repeat. The caller gives the time.
import { OldestFirstMap } from './oldest-first-map.js';

/** Bounds of {@link SeenIds}. */
export interface SeenIdsOptions {
  /** An ID is remembered for this long from when it was first seen: the deduplication interval. */
  readonly keepMs: number;
  /** Most IDs; at the bound the oldest is forgotten. */
  readonly maxIds: number;
}

/** A set of IDs, each of which is kept for an interval. IDs are added in the order of their times. */
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

  /** True when the ID was seen within the interval before `timeMs`. */
  has(id: string, timeMs: number): boolean {
    const firstSeenMs = this.#firstSeenMs.get(id);
    return firstSeenMs !== undefined && timeMs - firstSeenMs < this.#options.keepMs;
  }

  /** Remembers an ID that was not seen, see {@link SeenIds.has}. */
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
