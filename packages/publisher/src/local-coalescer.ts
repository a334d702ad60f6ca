// Coalescing windows in the memory of this process: the contract's pure rules, with timers. A crash loses what
// waits, at most one window (100 ms) of typing and receipts.
import { type Broker, type CancelTimer, type Clock, type EntryId, nextEntryId } from '@millrace/broker';
import {
  type AnyCatalog,
  type Coalescing,
  type CoalescingWindow,
  ContractError,
  createCoalescing,
  type SlotKey,
  type StreamEvent,
} from '@millrace/contract';
import type { Coalescer, EndingUnderWay, StoreMerged } from './coalescer.js';
import type { PublisherObserver } from './options.js';
import { StreamTimes } from './stream-times.js';

/** What a local coalescer is made of. */
export interface LocalCoalescerOptions {
  readonly catalog: AnyCatalog;
  readonly clock: Clock;
  readonly broker: Pick<Broker, 'partitioning'>;
  /** At the bound the window that opened first is flushed early. */
  readonly maxOpenWindows: number;
  readonly observer: PublisherObserver;
  readonly store: StoreMerged;
}

/** One slot of one room that is not idle, and the timer that moves it on. */
interface Slot {
  window: CoalescingWindow;
  /** By key: what the last input is as of, as far as this process knows the time of the stream. */
  readonly asOf: Map<string, EntryId | undefined>;
  cancelTimer: CancelTimer | undefined;
}

/** A merged event that leaves its window. */
interface Leaving {
  readonly event: StreamEvent;
  readonly asOf: EntryId | undefined;
}

/**
 * {@link Coalescer} for one process. What it adds and what ends it are compared by the order of the calls; with messages of others
 * by the time of the stream, as the receipts of this process tell it.
 */
export class LocalCoalescer implements Coalescer {
  readonly #options: LocalCoalescerOptions;
  readonly #coalescing: Coalescing;
  readonly #times = new StreamTimes();
  /** How many events that end a key are under way, by key. Bounded by the outbox. */
  readonly #underWay = new Map<string, number>();
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
    const { window, outcome } = this.#coalescing.add(this.#slots.get(name)?.window, event, this.#nowMs());
    switch (outcome) {
      case 'opened':
      case 'joined':
        this.#change(name, window);
        break;
      case 'absorbed':
        this.#change(name, window);
        this.#options.observer.coalesced?.(event);
        break;
      case 'full':
        // Flushing makes room; the second attempt opens a new window.
        this.#flushSlot(name);
        await this.add(event);
        return;
      case 'repeat':
        return;
    }
    const asOf = this.#times.asOf(this.#streamOf(event), this.#nowMs());
    this.#slots.get(name)?.asOf.set(slotKey.key, asOf);
  }

  end(event: StreamEvent): EndingUnderWay | undefined {
    const slotKey = this.#coalescing.endedBy(event);
    if (slotKey === undefined) return undefined;
    const name = nameOf(slotKey);
    const slot = this.#slots.get(name);
    const { window, ended } = this.#coalescing.end(slot?.window, slotKey);
    const asOf = slot?.asOf.get(slotKey.key);
    if (ended !== undefined) this.#change(name, window);
    slot?.asOf.delete(slotKey.key);
    const keyName = `${name}\u0000${slotKey.key}`;
    this.#underWay.set(keyName, (this.#underWay.get(keyName) ?? 0) + 1);
    return {
      settle: (id) => {
        this.#arrive(keyName);
        if (id !== undefined) this.#moveBehind(slotKey, event, id);
        if (ended === undefined) return;
        if (id === undefined) this.#storeAll(name, [{ event: ended, asOf }]);
        else this.#options.observer.dropped?.({ reason: 'ended', count: countOf(ended) });
      },
    };
  }

  #arrive(keyName: string): void {
    const left = (this.#underWay.get(keyName) ?? 1) - 1;
    if (left > 0) this.#underWay.set(keyName, left);
    else this.#underWay.delete(keyName);
  }

  /** Moves what waits for the key behind the event stored with this ID: had it come before, that event would have ended it. */
  #moveBehind(slotKey: SlotKey, event: StreamEvent, id: EntryId): void {
    this.#times.note(this.#streamOf(event), id, this.#nowMs());
    const asOf = this.#slots.get(nameOf(slotKey))?.asOf;
    if (asOf?.has(slotKey.key) === true) asOf.set(slotKey.key, nextEntryId(id));
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
    const asOf = known?.asOf ?? new Map<string, EntryId | undefined>();
    this.#slots.set(name, { window, asOf, cancelTimer: this.#startTimer(name, window) });
    this.#keepBound();
  }

  #startTimer(name: string, window: CoalescingWindow): CancelTimer | undefined {
    const { clock } = this.#options;
    const dueAtMs = this.#coalescing.dueAtMs(window);
    if (dueAtMs !== undefined) return clock.startTimer(() => this.#flushSlot(name), dueAtMs - this.#nowMs());
    return undefined;
  }

  #keepBound(): void {
    if (this.#slots.size <= this.#options.maxOpenWindows) return;
    for (const [name, slot] of this.#slots) {
      // The oldest window is sent early.
      slot.cancelTimer?.();
      this.#slots.delete(name);
      this.#storeAll(name, this.#leaving(name, slot));
      return;
    }
  }

  /** Pending → Flushing → Published, for one slot. */
  #flushSlot(name: string): void {
    const slot = this.#slots.get(name);
    if (slot === undefined) return;
    const leaving = this.#leaving(name, slot);
    if (leaving.length === 0) return;
    this.#change(name, this.#coalescing.flush(slot.window).window);
    slot.asOf.clear();
    this.#storeAll(name, leaving);
  }

  #leaving(name: string, { window, asOf }: Slot): Leaving[] {
    const { events } = this.#coalescing.flush(window);
    const keys = window.state === 'pending' ? window.held.map(({ key }) => key) : [];
    return events.map((event, at) => {
      const key = keys[at] ?? '';
      // Behind an event that is still under way it stands behind that in the stream, and is as of its own entry.
      const isBehind = this.#underWay.has(`${name}\u0000${key}`);
      return { event, asOf: isBehind ? undefined : asOf.get(key) };
    });
  }

  /** Hands the events to the broker in this very turn; when they are stored the slot moves on. */
  #storeAll(name: string, leaving: readonly Leaving[]): void {
    const storing = Promise.all(leaving.map((each) => this.#store(each))).then(() => {
      this.#storing.delete(storing);
      const current = this.#slots.get(name)?.window;
      // A window that opened meanwhile is left alone.
      if (current?.state === 'flushing') this.#change(name, this.#settled(current));
    });
    this.#storing.add(storing);
  }

  #settled(window: CoalescingWindow): CoalescingWindow | undefined {
    return this.#coalescing.settle(this.#coalescing.publish(window));
  }

  async #store({ event, asOf }: Leaving): Promise<void> {
    try {
      const id = await this.#options.store(event, asOf);
      this.#times.note(this.#streamOf(event), id, this.#nowMs());
    } catch (cause) {
      const reason = cause instanceof ContractError ? 'too_large' : 'unavailable';
      this.#options.observer.dropped?.({ reason, count: countOf(event), cause });
    }
  }

  #streamOf(event: StreamEvent): string {
    const stream = this.#options.catalog.find(event.event_type)?.stream ?? '';
    return this.#options.broker.partitioning.streamFor(stream, event.room_id);
  }

  /** Windows are measured on the clock that never goes back. */
  #nowMs(): number {
    return this.#options.clock.monotonicMs();
  }
}

function countOf(event: StreamEvent): number {
  return event.metadata?.coalesced_count ?? 1;
}

// A room ID holds no control characters, so this name is unambiguous.
function nameOf({ roomId, slot }: SlotKey): string {
  return `${roomId}\u0000${slot}`;
}
