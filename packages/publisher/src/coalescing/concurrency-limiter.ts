// Limits the number of tasks that run at the same time. Further tasks wait in the order of their arrival.

/** The caller must limit the number of waiting tasks. */
export class ConcurrencyLimiter {
  readonly #maxRunning: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(maxRunning: number) {
    this.#maxRunning = maxRunning;
  }

  /**
   * Reserves a place for a task. The task may begin when the promise resolves, or immediately if the result
   * is `undefined`.
   */
  acquire(): Promise<void> | undefined {
    // A task that ends passes its place to a waiting task, so the number of running tasks stays the same.
    if (this.#running >= this.#maxRunning) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#running++;
    return undefined;
  }

  /** Gives back the place of a task. Call it when the task has ended, with or without success. */
  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
