/*
 * A clock that moves when told.
 */
import type { ServerClock } from '../../src/index.js';

export class FakeClock implements ServerClock {
  #elapsedMs = 0;
  readonly #timers = new Set<{ readonly intervalMs: number; readonly tick: () => void; dueMs: number }>();

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  /** In step with the rest, from the beginning of 2026. */
  wallMs(): number {
    return Date.UTC(2026, 0, 1) + this.#elapsedMs;
  }

  every(intervalMs: number, tick: () => void): () => void {
    const timer = { intervalMs, tick, dueMs: this.#elapsedMs + intervalMs };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves the time on, calling each tick at its moment. */
  advance(byMs: number): void {
    const endMs = this.#elapsedMs + byMs;
    while (this.#elapsedMs < endMs) {
      this.#elapsedMs = Math.min(endMs, this.#elapsedMs + 100);
      for (const timer of this.#timers) {
        if (timer.dueMs > this.#elapsedMs) continue;
        timer.dueMs = this.#elapsedMs + timer.intervalMs;
        timer.tick();
      }
    }
  }

  get timerCount(): number {
    return this.#timers.size;
  }
}
