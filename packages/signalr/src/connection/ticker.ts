/*
 * One coarse timer for all connections. Reading its time costs only a field access. Deadlines are accurate to one tick, as in
 * ASP.NET Core.
 */
import type { ServerClock } from './clock.js';

/** A listener that is called once per tick. */
export interface TickListener {
  onTick(nowMs: number): void;
}

/**
 * Calls all listeners once per tick. The timer runs only while there are listeners. While it runs, {@link Ticker.tickedAtMs} is at
 * most one tick old.
 */
export class Ticker {
  readonly #clock: ServerClock;
  readonly #intervalMs: number;
  /**
   * The connections, hubs and waiting operations that use the ticker. The set needs no limit, because the number of each kind
   * is limited elsewhere.
   */
  readonly #listeners = new Set<TickListener>();
  #stop: (() => void) | undefined;
  #tickedAtMs: number;

  constructor(clock: ServerClock, intervalMs: number) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#tickedAtMs = clock.monotonicMs();
  }

  /** The time of the last tick, in milliseconds. */
  get tickedAtMs(): number {
    return this.#tickedAtMs;
  }

  /** Returns the exact monotonic time in milliseconds, for measuring durations. */
  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  /** Returns the current time in milliseconds since 1970. */
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
