// Lets so many pieces of work run at a time; the others wait in line.

/** Bounded by what its caller hands in. */
export class Turnstile {
  readonly #maxRunning: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(maxRunning: number) {
    this.#maxRunning = maxRunning;
  }

  /** Runs `work` when it is its turn, and settles as it does. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    // Who is let in by another's leaving takes over its place: the count stays.
    if (this.#running < this.#maxRunning) this.#running++;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
