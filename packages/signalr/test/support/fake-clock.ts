/*
 * A clock that moves when told.
 */
import type { Clock } from '../../src/index.js';

export class FakeClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly intervalMs: number; readonly tick: () => void; dueMs: number }>();

  nowMs(): number {
    return this.#nowMs;
  }

  /** In step with the rest, from the beginning of 2026. */
  unixTimeMs(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMs;
  }

  every(intervalMs: number, tick: () => void): () => void {
    const timer = { intervalMs, tick, dueMs: this.#nowMs + intervalMs };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves the time on, calling each tick at its moment. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    while (this.#nowMs < endMs) {
      this.#nowMs = Math.min(endMs, this.#nowMs + 100);
      for (const timer of this.#timers) {
        if (timer.dueMs > this.#nowMs) continue;
        timer.dueMs = this.#nowMs + timer.intervalMs;
        timer.tick();
      }
    }
  }

  get timerCount(): number {
    return this.#timers.size;
  }
}
