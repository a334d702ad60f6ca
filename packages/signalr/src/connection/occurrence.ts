/* An event that happens once. */

/**
 * Resolves its promise when it happens. The promise is created only if somebody waits, because most occurrences happen before
 * anybody waits.
 */
export class Occurrence {
  #hasHappened = false;
  #promise: Promise<void> | undefined;
  #resolve: (() => void) | undefined;

  get promise(): Promise<void> {
    if (this.#hasHappened) return Promise.resolve();
    this.#promise ??= new Promise((resolve) => {
      this.#resolve = resolve;
    });
    return this.#promise;
  }

  happen(): void {
    this.#hasHappened = true;
    this.#resolve?.();
  }
}
