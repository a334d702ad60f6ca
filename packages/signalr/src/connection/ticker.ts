/*
 * One coarse timer for all connections: ten thousand connections cost one timer, and reading the time costs the access to a field.
 * Deadlines are kept to within one tick, as ASP.NET Core does.
 */
import type { Clock } from './clock.js';

/** Called once per tick. */
export interface TickListener {
  onTick(nowMs: number): void;
}

/** Runs while it has listeners; {@link Ticker.nowMs} is at most one tick old. */
export class Ticker {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  /** Bounded by the numbers of connections, hubs and waits that their own limits allow. */
  readonly #listeners = new Set<TickListener>();
  #stop: (() => void) | undefined;
  #nowMs: number;

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#nowMs = clock.nowMs();
  }

  /** The coarse time in milliseconds. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The exact time in milliseconds, for durations that are reported. */
  exactNowMs(): number {
    return this.#clock.nowMs();
  }

  /** Milliseconds since 1970. */
  unixTimeMs(): number {
    return this.#clock.unixTimeMs();
  }

  add(listener: TickListener): void {
    this.#listeners.add(listener);
    if (this.#stop === undefined) {
      this.#nowMs = this.#clock.nowMs();
      this.#stop = this.#clock.every(this.#intervalMs, () => this.#tick());
    }
  }

  remove(listener: TickListener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  #tick(): void {
    this.#nowMs = this.#clock.nowMs();
    for (const listener of this.#listeners) listener.onTick(this.#nowMs);
  }
}
