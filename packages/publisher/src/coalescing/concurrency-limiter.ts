// Lets so many pieces of work run at a time; the others wait in line.

/** Bounded by what its caller hands in. */
export class Turnstile {
  readonly #maxRunning: number;
  #running = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(maxRunning: number) {
    this.#maxRunning = maxRunning;
  }

  /** To be called before a piece of work, which begins when this resolves; `undefined`: at once. */
  enter(): Promise<void> | undefined {
    // Who is let in by another's leaving takes over its place: the count stays.
    if (this.#running >= this.#maxRunning) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#running++;
    return undefined;
  }

  /** To be called when that work is done, whatever became of it. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next();
  }
}
