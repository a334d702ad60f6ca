// Finds windows that were not flushed in time, because their publisher died, and flushes them.
import type { WindowName, WindowStore } from '@millrace/broker';
import type { AnyCatalog } from '@millrace/contract';
import type { CancelTimer, Clock } from '@millrace/internal';

/** Dependencies of {@link OverdueWatch}. */
export interface OverdueWatchDependencies {
  readonly windows: Pick<WindowStore, 'overdue'>;
  readonly clock: Clock;
  /** The catalog whose coalescing slots are watched. */
  readonly catalog: AnyCatalog;
  /** Flushes one window. Never rejects. */
  flush(name: WindowName): Promise<void>;
  /** Called when a check fails. */
  onFailure(slot: string, cause: unknown): void;
}

/** A window counts as overdue this long after it is due. A live owner's timer may be that late. */
const GRACE_MS = 50;
/**
 * Interval between two checks. A dead owner's window is flushed within 400 ms: the grace time, the lease of a claim, and the
 * time until the next check.
 */
const CHECK_INTERVAL_MS = 80;
/** Maximum random time that is added to the interval, so that processes do not check at the same time. */
const JITTER_MS = 20;
/** Maximum number of windows of a slot that one check flushes. The next check follows at once if there are more. */
const MAX_FOUND = 64;

/** States: stopped ⇄ watching. Runs one check at a time. */
export class OverdueWatch {
  readonly #dependencies: OverdueWatchDependencies;
  /** The coalescing slots of the catalog. */
  readonly slots: readonly string[];
  #isWatching = false;
  /** True during a check. It continues the loop at its end, if the watch was stopped and started meanwhile. */
  #isChecking = false;
  #cancelTimer: CancelTimer = () => {};

  constructor(dependencies: OverdueWatchDependencies) {
    this.#dependencies = dependencies;
    this.slots = [
      ...new Set(dependencies.catalog.eventTypes.flatMap(({ coalescing }) => coalescing?.slot ?? [])),
    ];
  }

  start(): void {
    if (this.#isWatching || this.slots.length === 0) return;
    this.#isWatching = true;
    if (!this.#isChecking) this.#checkIn(Math.random() * CHECK_INTERVAL_MS);
  }

  stop(): void {
    this.#isWatching = false;
    this.#cancelTimer();
  }

  #checkIn(delayMs: number): void {
    this.#cancelTimer = this.#dependencies.clock.startTimer(() => void this.#check(), delayMs);
  }

  async #check(): Promise<void> {
    this.#isChecking = true;
    const foundCounts = await Promise.all(this.slots.map((slot) => this.#checkSlot(slot)));
    this.#isChecking = false;
    if (!this.#isWatching) return;
    this.#checkIn(foundCounts.includes(MAX_FOUND) ? 1 : CHECK_INTERVAL_MS + Math.random() * JITTER_MS);
  }

  /** Flushes overdue windows of a slot, and returns their number. */
  async #checkSlot(slot: string): Promise<number> {
    try {
      const found = await this.#dependencies.windows.overdue(slot, { graceMs: GRACE_MS, count: MAX_FOUND });
      await Promise.all(found.map((name) => this.#dependencies.flush(name)));
      return found.length;
    } catch (cause) {
      // The next check finds the overdue windows.
      this.#dependencies.onFailure(slot, cause);
      return 0;
    }
  }
}
