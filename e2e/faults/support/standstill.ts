// The time limit of a wait for many things. It counts from the last progress, so that a slow machine has the time that it needs.

/** Ends a wait in which nothing has become better for a time. */
export class Standstill {
  readonly #limitMs: number;
  #fewest = Number.POSITIVE_INFINITY;
  #endMs = 0;

  /** @param limitMs maximum time without progress */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** Reports how many things are still missing. Returns true if they have not become fewer than ever before for the whole limit. */
  isReached(missing: number): boolean {
    const nowMs = performance.now();
    if (missing < this.#fewest) {
      this.#fewest = missing;
      this.#endMs = nowMs + this.#limitMs;
    }
    return nowMs > this.#endMs;
  }
}
