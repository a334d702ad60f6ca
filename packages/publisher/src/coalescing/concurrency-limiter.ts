// Runs a bounded number of tasks at a time; further ones wait in the order in which they came.

/** The tasks that wait are bounded by the caller. */
export class ConcurrencyLimiter {
  readonly #maxRunning: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(maxRunning: number) {
    this.#maxRunning = maxRunning;
  }

  /** Call it before a task. The task may begin when the promise resolves, or at once where there is none. */
  acquire(): Promise<void> | undefined {
    // A task that waited takes over the slot of the one that ended, so the count stays.
    if (this.#running >= this.#maxRunning) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#running++;
    return undefined;
  }

  /** Call it when the task has ended, with or without success. */
  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
