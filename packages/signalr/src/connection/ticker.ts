/*
 * One coarse timer for all connections: ten thousand connections cost one timer, and reading the time costs
 * a field. Deadlines are kept to within one tick, which is also what the original promises.
 */
import type { Clock } from './clock.js';

/** Something that looks at the time once per tick. */
export interface Ticking {
  onTick(nowMs: number): void;
}

/** Runs while it has members; {@link Ticker.nowMs} is at most one tick old. */
export class Ticker {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  /** Bounded by the numbers of connections, hubs and waits that their own limits allow. */
  readonly #members = new Set<Ticking>();
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

  add(member: Ticking): void {
    this.#members.add(member);
    if (this.#stop === undefined) {
      this.#nowMs = this.#clock.nowMs();
      this.#stop = this.#clock.every(this.#intervalMs, () => this.#tick());
    }
  }

  remove(member: Ticking): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  #tick(): void {
    this.#nowMs = this.#clock.nowMs();
    for (const member of this.#members) member.onTick(this.#nowMs);
  }
}
