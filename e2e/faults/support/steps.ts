// Remembers the last steps of a client, so that a failed test says where the client is and how it got there.

/** Number of steps that are remembered. */
const maxSteps = 6;

/** The last steps of one client. */
export class Steps {
  readonly #steps: { readonly text: string; readonly atMs: number }[] = [];

  /** Adds a step. */
  note(text: string): void {
    this.#steps.push({ text, atMs: performance.now() });
    if (this.#steps.length > maxSteps) this.#steps.shift();
  }

  /** The steps with their age, the newest first. */
  get summary(): string {
    const nowMs = performance.now();
    return this.#steps
      .map(({ text, atMs }) => `${text} (${((nowMs - atMs) / 1_000).toFixed(1)} s ago)`)
      .toReversed()
      .join(' ← ');
  }
}
