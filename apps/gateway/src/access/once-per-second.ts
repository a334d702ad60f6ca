// Bounds how often something is logged.
import type { Clock } from '@millrace/internal';

const INTERVAL_MS = 1_000;

/** Runs an action at most once per second, and counts the times when it did not run. */
export class OncePerSecond {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #nextMs = Number.NEGATIVE_INFINITY;
  #suppressed = 0;

  constructor(clock: Pick<Clock, 'monotonicMs'>) {
    this.#clock = clock;
  }

  /** Runs the action, unless one ran within the last second. `suppressed` is the number of actions that did not run since then. */
  run(action: (suppressed: number) => void): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#nextMs) {
      this.#suppressed += 1;
      return;
    }
    this.#nextMs = nowMs + INTERVAL_MS;
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    action(suppressed);
  }
}
