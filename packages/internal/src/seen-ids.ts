// Remembers which `event_id`s have passed, so that a repeat is delivered once. Time is the entries' own time.
import { OldestFirstMap } from './oldest-first-map.js';

/** Bounds of {@link SeenIds}. */
export interface SeenIdsOptions {
  readonly windowMs: number;
  /** At the bound the oldest ID is forgotten. */
  readonly maxIds: number;
}

/**
 * A set of IDs, each kept for a window from its first sighting. Insertion order is time order, because entries
 * arrive in stream order; a re-read of old entries finds their IDs still there.
 */
export class SeenIds {
  readonly #options: SeenIdsOptions;
  /** ID → time of the entry that brought it first, in milliseconds since 1970. Oldest first. */
  readonly #firstSeenMs = new OldestFirstMap<string, number>();

  constructor(options: SeenIdsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#firstSeenMs.size;
  }

  /** True when the ID was seen within the window before `timeMs`. */
  has(id: string, timeMs: number): boolean {
    const firstSeenMs = this.#firstSeenMs.get(id);
    return firstSeenMs !== undefined && timeMs - firstSeenMs < this.#options.windowMs;
  }

  /** Remembers an ID that {@link SeenIds.has} does not know. */
  add(id: string, timeMs: number): void {
    this.#firstSeenMs.set(id, timeMs);
    this.#forget(timeMs);
  }

  #forget(timeMs: number): void {
    for (let oldest = this.#firstSeenMs.oldest(); oldest !== undefined; oldest = this.#firstSeenMs.oldest()) {
      const [id, firstSeenMs] = oldest;
      const isOver = this.#firstSeenMs.size > this.#options.maxIds;
      if (!isOver && timeMs - firstSeenMs < this.#options.windowMs) return;
      this.#firstSeenMs.delete(id);
    }
  }
}
