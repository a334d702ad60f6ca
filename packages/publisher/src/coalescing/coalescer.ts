// Coalescing windows: events of one key wait in a window and are published as one event. The windows are in this process, or
// in the broker, where all publishers share them. If this process dies, another process flushes its overdue windows in the
// broker. `@millrace/contract` decides how events are merged.
import type { Broker, WindowName, WindowStore } from '@millrace/broker';
import {
  type AnyCatalog,
  type Coalescing,
  createCoalescing,
  type SlotKey,
  type StreamEvent,
} from '@millrace/contract';
import type { CancelTimer, Clock } from '@millrace/internal';
import type { PublisherObserver } from '../options.js';
import { type DeferredInput, EndingOrder, type PendingEnding } from './ending-order.js';
import type { LocalWindows } from './local-windows.js';
import type { OriginalTexts } from './original-texts.js';
import { OverdueWatch } from './overdue-watch.js';
import { type StoreMerged, WindowFlusher } from './window-flusher.js';
import { type PendingInput, WindowIntake, type WindowTiming } from './window-intake.js';
import { slotKeyText, windowKey, windowOf } from './window-key.js';

/** Dependencies and limits of {@link Coalescer}. */
export interface CoalescerDependencies {
  readonly catalog: AnyCatalog;
  readonly clock: Clock;
  readonly broker: Pick<Broker, 'windows' | 'partitioning' | 'state' | 'onStateChange'>;
  /** The windows in this process, or `undefined` if events wait in the broker. */
  readonly local: LocalWindows | undefined;
  /**
   * Maximum number of windows that this process has added events to and that may still be open. Above it, the oldest window
   * is flushed early.
   */
  readonly maxOpenWindows: number;
  /** Keeps the original texts of events that wait in windows. */
  readonly originalTexts: OriginalTexts;
  readonly observer: PublisherObserver;
  readonly store: StoreMerged;
}

/** Maximum number of windows of a slot that `flushShared` flushes for all rooms. */
const MAX_FLUSHED_WINDOWS = 1_000;
/** `flushShared` does not find a window that is due later than this. No window is open for so long. */
const MAX_AHEAD_MS = 600_000;

/** A slot of a room to which this process has added events. */
interface OpenSlot {
  readonly name: WindowName;
  readonly intake: WindowIntake;
  /** Key of the stream that will contain the window's events. */
  stream: string;
  cancelTimer: CancelTimer | undefined;
}

/**
 * Guarantees:
 *
 * - An accepted event is stored when its window ends, alone or merged, unless it is reported as dropped.
 * - The merged events of one slot are stored in the order in which their keys first appeared.
 * - Added events and ending events take effect in the order of this process's calls.
 * - An accepted event in a broker window is stored even if this process ends. Another running publisher or gateway then
 *   stores it within 400 ms. It may store the merged events of the window more than once, but always with the same IDs.
 */
export class Coalescer {
  readonly #dependencies: CoalescerDependencies;
  readonly #windows: WindowStore;
  readonly #coalescing: Coalescing;
  readonly #endingOrder = new EndingOrder();
  readonly #flusher: WindowFlusher;
  readonly #watch: OverdueWatch;
  readonly #stopFollowing: () => void;
  /** The open slots by the key of their window, at most `maxOpenWindows`. The oldest slot comes first. */
  readonly #slots = new Map<string, OpenSlot>();

  constructor(dependencies: CoalescerDependencies) {
    const { local, broker, catalog, clock } = dependencies;
    this.#dependencies = dependencies;
    this.#windows = local ?? broker.windows;
    this.#coalescing = createCoalescing(catalog);
    this.#flusher = new WindowFlusher({
      ...dependencies,
      coalescing: this.#coalescing,
      windows: this.#windows,
      streamOf: (event) => this.#streamOf(event),
      onFlushed: (name) => this.#onFlushed(name),
      onNotDue: (name, inMs) => this.#flushLater(name, inMs),
    });
    this.#watch = new OverdueWatch({
      windows: this.#windows,
      clock,
      catalog,
      flush: (name) => this.#flusher.flush(name, false),
      onFailure: (slot, cause) => this.#flusher.noteFailure(slot, cause),
    });
    this.#stopFollowing = broker.onStateChange(() => this.#followBroker());
    this.#followBroker();
  }

  /**
   * Adds a coalesced event to its window. Calls `caller.resolve` when the window has accepted the event.
   * @throws BrokerError `overloaded`
   */
  add(event: StreamEvent, caller: Pick<PendingInput, 'resolve' | 'reject'>): void {
    const slotKey = this.#coalescing.slotOf(event);
    if (slotKey === undefined) throw new TypeError('only events of a coalesced type are added');
    const { local, broker, originalTexts } = this.#dependencies;
    const { key } = slotKey;
    const id = event.event_id;
    // Local windows keep the event itself. The text only measures its size.
    const input =
      local === undefined
        ? { id, text: originalTexts.textOf(event), key, event }
        : { id, text: originalTexts.payloadOf(event), value: event, key, event };
    const pending: PendingInput = { input, resolve: caller.resolve, reject: caller.reject };
    // An event is not deferred while the broker is unavailable, so that the caller gets the error at once.
    const mayWait = local !== undefined || broker.state === 'ready';
    if (mayWait && this.#endingOrder.isDeferring(slotKeyText(slotKey)))
      this.#endingOrder.defer(slotKeyText(slotKey), this.#deferred(slotKey, pending));
    else this.#enter(slotKey, pending);
  }

  /**
   * Prepares an event that ends the waiting inputs of a key. For example, a message ends its sender's typing. Call this
   * method before the event is sent. Once the event is stored, the inputs that already wait for the key in this process are
   * dropped. Later inputs stay. Returns `undefined` for an event that ends nothing.
   */
  end(event: StreamEvent): PendingEnding | undefined {
    const slotKey = this.#coalescing.endedBy(event);
    if (slotKey === undefined) return undefined;
    const { key } = slotKey;
    const window = windowOf(slotKey);
    const pending = this.#slots.get(windowKey(window))?.intake.withdraw(key) ?? [];
    const settle = this.#endingOrder.begin(
      slotKeyText(slotKey),
      pending.map((each) => this.#deferred(slotKey, each)),
    );
    const ending = { window, key, timestamp: event.timestamp };
    const { local } = this.#dependencies;
    if (local === undefined) return { ends: ending, settle: (id) => settle(id !== undefined) };
    return {
      settle: (id) => {
        if (id !== undefined) local.stored(this.#streamOf(event), id, ending);
        settle(id !== undefined);
      },
    };
  }

  /** Ends every open window now. Resolves when the events of these windows are stored, or reported as dropped. */
  async flush(): Promise<void> {
    await this.#endingOrder.idle();
    const slots = [...this.#slots.values()];
    await Promise.all(slots.map(({ intake }) => intake.idle()));
    await Promise.all(slots.map(({ name }) => this.#flusher.flush(name, true)));
    await this.#flusher.idle();
  }

  /**
   * Ends the open windows of a room now, or those of all rooms: also the windows to which only other processes have added events, at
   * most 1,000 of each slot. Resolves when their events are stored, or reported as dropped.
   */
  async flushShared(roomId: string | undefined): Promise<void> {
    await this.flush();
    if (this.#dependencies.local !== undefined) return;
    const found = await Promise.all(
      this.#watch.slots.map(async (slot) =>
        roomId === undefined
          ? this.#windows.overdue(slot, { graceMs: -MAX_AHEAD_MS, count: MAX_FLUSHED_WINDOWS })
          : [{ roomId, slot }],
      ),
    );
    await Promise.all(found.flat().map((name) => this.#flusher.flush(name, true)));
  }

  /**
   * Flushes all windows. Then cancels all timers and forgets the windows, so that no timer keeps the process
   * alive.
   */
  async close(): Promise<void> {
    this.#stopFollowing();
    this.#watch.stop();
    await this.flush();
    for (const { cancelTimer } of this.#slots.values()) cancelTimer?.();
    this.#slots.clear();
  }

  /**
   * Starts the watch for overdue windows when the broker is ready, and stops it when the broker is closed. A publisher may be
   * created before its broker is opened, and may outlive it.
   */
  #followBroker(): void {
    const { broker, local } = this.#dependencies;
    const { state } = broker;
    // Local windows need no watch: no other process can leave an overdue window in this one.
    if (state === 'ready' && local === undefined) this.#watch.start();
    if (state === 'closed') this.#watch.stop();
  }

  #deferred(slotKey: SlotKey, pending: PendingInput): DeferredInput {
    return {
      send: () => this.#enter(slotKey, pending),
      drop: () => {
        const count = pending.input.event.metadata?.coalesced_count ?? 1;
        this.#dependencies.observer.dropped?.({ reason: 'ended', count });
        pending.resolve();
      },
    };
  }

  #enter(slotKey: SlotKey, pending: PendingInput): void {
    const { event } = pending.input;
    const { coalescing } = this.#dependencies.catalog.find(event.event_type) ?? {};
    const slot = this.#slotOf(slotKey, coalescing?.windowMs ?? 0);
    slot.stream = this.#streamOf(event);
    slot.intake.add(pending);
  }

  #streamOf(event: StreamEvent): string {
    const { broker, catalog } = this.#dependencies;
    const { stream = '' } = catalog.find(event.event_type) ?? {};
    return broker.partitioning.streamFor(stream, event.room_id);
  }

  #slotOf(slotKey: SlotKey, windowMs: number): OpenSlot {
    const name = windowOf(slotKey);
    const key = windowKey(name);
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const intake = new WindowIntake({
      add: (inputs) => this.#windows.add(name, inputs, { windowMs, stream: slot.stream }),
      makeRoom: () => this.#flusher.flush(name, true),
      onAdded: (timing) => this.#onAdded(slot, timing),
    });
    const slot: OpenSlot = { name, intake, stream: '', cancelTimer: undefined };
    this.#slots.set(key, slot);
    this.#keepBound();
    return slot;
  }

  /**
   * Sets the timer of a window. The publisher that opened the window flushes it when it is due. Any other publisher that
   * added events remembers the window until it is due, so that its own `flush` includes the window.
   */
  #onAdded(slot: OpenSlot, { isOpened, dueInMs }: WindowTiming): void {
    if (isOpened) this.#startTimer(slot, dueInMs, () => void this.#flusher.flush(slot.name, false));
    else if (slot.cancelTimer === undefined) this.#startTimer(slot, dueInMs, () => this.#forget(slot));
  }

  #startTimer(slot: OpenSlot, delayMs: number, work: () => void): void {
    slot.cancelTimer?.();
    slot.cancelTimer = this.#dependencies.clock.startTimer(() => {
      slot.cancelTimer = undefined;
      work();
    }, delayMs);
  }

  #flushLater(name: WindowName, inMs: number): void {
    const slot = this.#slots.get(windowKey(name));
    if (slot === undefined || slot.cancelTimer !== undefined) return;
    this.#startTimer(slot, Math.max(1, inMs), () => void this.#flusher.flush(name, false));
  }

  #onFlushed(name: WindowName): void {
    const slot = this.#slots.get(windowKey(name));
    if (slot !== undefined) this.#forget(slot);
  }

  #forget(slot: OpenSlot): void {
    if (slot.intake.isIdle && slot.cancelTimer === undefined) this.#slots.delete(windowKey(slot.name));
  }

  #keepBound(): void {
    if (this.#slots.size <= this.#dependencies.maxOpenWindows) return;
    for (const [key, { name, cancelTimer }] of this.#slots) {
      cancelTimer?.();
      this.#slots.delete(key);
      void this.#flusher.flush(name, true);
      return;
    }
  }
}
