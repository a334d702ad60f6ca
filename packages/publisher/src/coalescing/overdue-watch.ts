// Finds windows that were not flushed in time, because their publisher died, and flushes them.
import type { WindowName, WindowStore } from '@millrace/broker';
import type { AnyCatalog } from '@millrace/contract';
import type { CancelTimer, Clock } from '@millrace/internal';

/** Dependencies of {@link OverdueWatch}. */
export interface OverdueWatchDependencies {
  readonly windows: Pick<WindowStore, 'overdue'>;
  readonly clock: Clock;
  /** The windows of its coalescing slots are watched. */
  readonly catalog: AnyCatalog;
  /** Flushes one window. Never rejects. */
  flush(name: WindowName): Promise<void>;
}

/** A live owner flushes at once; its timers may be late by this much before others take over. */
const GRACE_MS = 50;
/** With the grace, a claim's lease and one check, a window is flushed within 400 ms of its owner's death. */
const CHECK_INTERVAL_MS = 80;
/** Processes spread their checks. */
const JITTER_MS = 20;
/** Windows of a slot that one check takes over; the next check follows at once when there are more. */
const MAX_FOUND = 64;

/** stopped ⇄ watching. One check at a time. */
export class OverdueWatch {
  readonly #dependencies: OverdueWatchDependencies;
  readonly #slots: readonly string[];
  #isWatching = false;
  #cancelTimer: CancelTimer = () => {};

  constructor(dependencies: OverdueWatchDependencies) {
    this.#dependencies = dependencies;
    this.#slots = [
      ...new Set(dependencies.catalog.eventTypes.flatMap(({ coalescing }) => coalescing?.slot ?? [])),
    ];
  }

  start(): void {
    if (this.#isWatching || this.#slots.length === 0) return;
    this.#isWatching = true;
    this.#checkIn(Math.random() * CHECK_INTERVAL_MS);
  }

  stop(): void {
    this.#isWatching = false;
    this.#cancelTimer();
  }

  #checkIn(delayMs: number): void {
    this.#cancelTimer = this.#dependencies.clock.startTimer(() => void this.#check(), delayMs);
  }

  async #check(): Promise<void> {
    const foundCounts = await Promise.all(this.#slots.map((slot) => this.#checkSlot(slot)));
    if (!this.#isWatching) return;
    this.#checkIn(foundCounts.includes(MAX_FOUND) ? 1 : CHECK_INTERVAL_MS + Math.random() * JITTER_MS);
  }

  /** Flushes the overdue windows of a slot, and returns how many there were. */
  async #checkSlot(slot: string): Promise<number> {
    try {
      const found = await this.#dependencies.windows.overdue(slot, { graceMs: GRACE_MS, count: MAX_FOUND });
      await Promise.all(found.map((name) => this.#dependencies.flush(name)));
      return found.length;
    } catch {
      // The store is away: the next check finds the windows that are overdue then.
      return 0;
    }
  }
}
