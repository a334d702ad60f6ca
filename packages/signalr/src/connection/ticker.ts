/*
 * One coarse timer for all connections: ten thousand connections cost one timer, and reading the time costs the access to a field.
 * Deadlines are kept to within one tick, as ASP.NET Core does.
 */
import type { ServerClock } from './clock.js';

/** Called once per tick. */
export interface TickListener {
  onTick(nowMs: number): void;
}

/** Runs while it has listeners; {@link Ticker.tickedAtMs} is at most one tick old. */
export class Ticker {
  readonly #clock: ServerClock;
  readonly #intervalMs: number;
  /** Bounded by the numbers of connections, hubs and waits that their own limits allow. */
  readonly #listeners = new Set<TickListener>();
  #stop: (() => void) | undefined;
  #tickedAtMs: number;

  constructor(clock: ServerClock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#tickedAtMs = clock.monotonicMs();
  }

  /** The coarse time in milliseconds. */
  get tickedAtMs(): number {
    return this.#tickedAtMs;
  }

  /** The exact time in milliseconds, for durations that are reported. */
  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  /** Milliseconds since 1970. */
  wallMs(): number {
    return this.#clock.wallMs();
  }

  add(listener: TickListener): void {
    this.#listeners.add(listener);
    if (this.#stop === undefined) {
      this.#tickedAtMs = this.#clock.monotonicMs();
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
    this.#tickedAtMs = this.#clock.monotonicMs();
    for (const listener of this.#listeners) listener.onTick(this.#tickedAtMs);
  }
}
