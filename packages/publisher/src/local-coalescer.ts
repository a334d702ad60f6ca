// Coalescing windows in the memory of this process: the contract's pure rules, with timers. A crash loses what
// waits, at most one window (100 ms) of typing and receipts.
import type { CancelTimer, Clock } from '@millrace/broker';
import {
  type AnyCatalog,
  type Coalescing,
  type CoalescingWindow,
  ContractError,
  createCoalescing,
  type SlotKey,
  type StreamEvent,
} from '@millrace/contract';
import type { Coalescer } from './coalescer.js';
import type { PublisherObserver } from './options.js';

/** What a local coalescer is made of. */
export interface LocalCoalescerOptions {
  readonly catalog: AnyCatalog;
  readonly clock: Clock;
  /** At the bound the window that opened first is flushed early. */
  readonly maxOpenWindows: number;
  readonly observer: PublisherObserver;
  /** Puts one merged event into its stream. */
  store(event: StreamEvent): Promise<void>;
}

/** One slot of one room that is not idle, and the timer that moves it on. */
interface Slot {
  window: CoalescingWindow;
  cancelTimer: CancelTimer | undefined;
}

/** {@link Coalescer} for one process. */
export class LocalCoalescer implements Coalescer {
  readonly #options: LocalCoalescerOptions;
  readonly #coalescing: Coalescing;
  /** Slots that are not idle, the longest untouched first; at most `maxOpenWindows`. */
  readonly #slots = new Map<string, Slot>();
  /** Merged events that are on their way to the broker. */
  readonly #storing = new Set<Promise<void>>();

  constructor(options: LocalCoalescerOptions) {
    this.#options = options;
    this.#coalescing = createCoalescing(options.catalog);
  }

  async add(event: StreamEvent): Promise<void> {
    const slotKey = this.#coalescing.slotOf(event);
    if (slotKey === undefined) throw new TypeError('only events of a coalesced type are added');
    const name = nameOf(slotKey);
    const { window, outcome, count } = this.#coalescing.add(
      this.#slots.get(name)?.window,
      event,
      this.#nowMs(),
    );
    switch (outcome) {
      case 'opened':
      case 'joined':
        this.#change(name, window);
        return;
      case 'absorbed':
        this.#change(name, window);
        this.#options.observer.coalesced?.(event);
        return;
      case 'ended':
        this.#options.observer.dropped?.({ reason: 'ended', count });
        return;
      case 'full':
        // Flushing makes room; the second attempt opens a new window.
        this.#flushSlot(name);
        await this.add(event);
        return;
      case 'repeat':
        return;
    }
  }

  end(event: StreamEvent): void {
    const slotKey = this.#coalescing.endedBy(event);
    if (slotKey === undefined) return;
    const name = nameOf(slotKey);
    const { window, dropped } = this.#coalescing.end(this.#slots.get(name)?.window, event, this.#nowMs());
    this.#change(name, window);
    if (dropped > 0) this.#options.observer.dropped?.({ reason: 'ended', count: dropped });
  }

  async flush(): Promise<void> {
    // Flushing changes the map while it is walked: the names are taken first.
    const names = Array.from(this.#slots.keys());
    for (const name of names) this.#flushSlot(name);
    await Promise.all(this.#storing);
  }

  async close(): Promise<void> {
    await this.flush();
    for (const { cancelTimer } of this.#slots.values()) cancelTimer?.();
    this.#slots.clear();
  }

  /** The one function that changes a slot: stores its window and sets the timer that the window needs. */
  #change(name: string, window: CoalescingWindow | undefined): void {
    const known = this.#slots.get(name);
    // An open window keeps the timer that its first event started.
    if (known !== undefined && window?.state === 'pending' && known.window.state === 'pending') {
      known.window = window;
      return;
    }
    known?.cancelTimer?.();
    this.#slots.delete(name);
    if (window === undefined) return;
    this.#slots.set(name, { window, cancelTimer: this.#startTimer(name, window) });
    this.#keepBound();
  }

  #startTimer(name: string, window: CoalescingWindow): CancelTimer | undefined {
    const { clock } = this.#options;
    const dueAtMs = this.#coalescing.dueAtMs(window);
    if (dueAtMs !== undefined) return clock.startTimer(() => this.#flushSlot(name), dueAtMs - this.#nowMs());
    const settleAtMs = this.#coalescing.settleAtMs(window);
    if (settleAtMs === undefined) return undefined;
    const settle = (): void =>
      this.#change(name, this.#coalescing.settle(this.#slots.get(name)?.window, this.#nowMs()));
    return clock.startTimer(settle, Math.max(0, settleAtMs - this.#nowMs()));
  }

  #keepBound(): void {
    if (this.#slots.size <= this.#options.maxOpenWindows) return;
    for (const [name, { window, cancelTimer }] of this.#slots) {
      // What waits is sent early; what is only remembered is forgotten.
      cancelTimer?.();
      this.#slots.delete(name);
      this.#storeAll(name, this.#coalescing.flush(window).events);
      return;
    }
  }

  /** Pending → Flushing → Published, for one slot. */
  #flushSlot(name: string): void {
    const { window, events } = this.#coalescing.flush(this.#slots.get(name)?.window);
    if (events.length === 0) return;
    this.#change(name, window);
    this.#storeAll(name, events);
  }

  /** Hands the events to the broker in this very turn; when they are stored the slot moves on. */
  #storeAll(name: string, events: readonly StreamEvent[]): void {
    const storing = Promise.all(events.map((event) => this.#store(event))).then(() => {
      this.#storing.delete(storing);
      const current = this.#slots.get(name)?.window;
      // A window that opened meanwhile is left alone.
      if (current?.state === 'flushing') this.#change(name, this.#settled(current));
    });
    this.#storing.add(storing);
  }

  #settled(window: CoalescingWindow): CoalescingWindow | undefined {
    return this.#coalescing.settle(this.#coalescing.publish(window), this.#nowMs());
  }

  async #store(event: StreamEvent): Promise<void> {
    try {
      await this.#options.store(event);
    } catch (cause) {
      const count = event.metadata?.coalesced_count ?? 1;
      const reason = cause instanceof ContractError ? 'too_large' : 'unavailable';
      this.#options.observer.dropped?.({ reason, count, cause });
    }
  }

  /** Windows are measured on the clock that never goes back. */
  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

// A room ID holds no control characters, so this name is unambiguous.
function nameOf({ roomId, slot }: SlotKey): string {
  return `${roomId}\u0000${slot}`;
}
