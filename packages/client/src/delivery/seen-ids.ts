// The ids of the events that were handled, so that a repeat is dropped.

/** Bounds of {@link SeenIds}. */
export interface SeenIdsOptions {
  readonly windowMs: number;
  /** Most ids remembered; at the bound the oldest goes. */
  readonly maxIds: number;
}

/** A bounded memory of ids. Ids are UUIDs, compared without regard to case. */
export class SeenIds {
  readonly #options: SeenIdsOptions;
  /** Id → when it was first seen, oldest first. */
  readonly #seenAtMs = new Map<string, number>();

  constructor(options: SeenIdsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#seenAtMs.size;
  }

  /** True the first time within the window; remembers the id. */
  isFirst(eventId: string, nowMs: number): boolean {
    this.#dropOldest(nowMs - this.#options.windowMs, this.#options.maxIds);
    const id = eventId.toLowerCase();
    if (this.#seenAtMs.has(id)) return false;
    this.#dropOldest(Number.NEGATIVE_INFINITY, this.#options.maxIds - 1);
    this.#seenAtMs.set(id, nowMs);
    return true;
  }

  #dropOldest(endMs: number, maxIds: number): void {
    for (const [id, seenAtMs] of this.#seenAtMs) {
      if (seenAtMs > endMs && this.#seenAtMs.size <= maxIds) return;
      this.#seenAtMs.delete(id);
    }
  }
}
