// Looks for windows that nobody flushed in time, because their publisher died, and flushes them.

import type { WindowName, WindowStore } from '@millrace/broker';
import type { AnyCatalog } from '@millrace/contract';
import type { CancelTimer, Clock } from '@millrace/internal';

/** What the watch needs. */
export interface OverdueWatchOptions {
  readonly windows: Pick<WindowStore, 'overdue'>;
  readonly clock: Clock;
  /** Its coalescing slots are watched. */
  readonly catalog: AnyCatalog;
  /** Flushes one window. Never rejects. */
  flush(name: WindowName): Promise<void>;
}

/** A live owner flushes at once; this is the delay its timers may have before others look. */
const GRACE_MS = 50;
/** With the grace, a claim's lease and one look, a window is flushed within 400 ms of its owner's death. */
const LOOK_MS = 80;
/** Processes spread their looks. */
const JITTER_MS = 20;
/** Windows of a slot taken over by one look; the next one comes at once when there are more. */
const MAX_FOUND = 64;

/** stopped ⇄ watching. One look at a time. */
export class OverdueWatch {
  readonly #options: OverdueWatchOptions;
  readonly #slots: readonly string[];
  #isWatching = false;
  #cancelTimer: CancelTimer = () => {};

  constructor(options: OverdueWatchOptions) {
    this.#options = options;
    this.#slots = [
      ...new Set(options.catalog.eventTypes.flatMap(({ coalescing }) => coalescing?.slot ?? [])),
    ];
  }

  start(): void {
    if (this.#isWatching || this.#slots.length === 0) return;
    this.#isWatching = true;
    this.#lookIn(Math.random() * LOOK_MS);
  }

  stop(): void {
    this.#isWatching = false;
    this.#cancelTimer();
  }

  #lookIn(delayMs: number): void {
    this.#cancelTimer = this.#options.clock.startTimer(() => void this.#look(), delayMs);
  }

  async #look(): Promise<void> {
    const looks = await Promise.all(this.#slots.map((slot) => this.#lookAt(slot)));
    if (!this.#isWatching) return;
    this.#lookIn(looks.includes(MAX_FOUND) ? 1 : LOOK_MS + Math.random() * JITTER_MS);
  }

  /** How many windows were found. */
  async #lookAt(slot: string): Promise<number> {
    try {
      const found = await this.#options.windows.overdue(slot, { graceMs: GRACE_MS, count: MAX_FOUND });
      await Promise.all(found.map((name) => this.#options.flush(name)));
      return found.length;
    } catch {
      // The store is away: the next look finds what is overdue then.
      return 0;
    }
  }
}
