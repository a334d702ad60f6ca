// Coalescing windows: events of one key wait in a window and leave it as one. The windows are the broker's, shared by all publishers on
// it, or this process's own. A window of the broker survives this process: another one notices that it is overdue and flushes it.
// `@millrace/contract` decides how events become one.
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

/** Dependencies and bounds of {@link Coalescer}. */
export interface CoalescerDependencies {
  readonly catalog: AnyCatalog;
  readonly clock: Clock;
  readonly broker: Pick<Broker, 'windows' | 'partitioning' | 'state' | 'onStateChange'>;
  /** Windows in this process; `undefined`: events wait in the broker. */
  readonly local: LocalWindows | undefined;
  /** Most windows that this process has added to and that may still wait; at the bound the oldest is flushed early. */
  readonly maxOpenWindows: number;
  /** Texts of the events that wait, and of those that are read again from windows. */
  readonly originalTexts: OriginalTexts;
  readonly observer: PublisherObserver;
  readonly store: StoreMerged;
}

/** A slot of a room that this process has added to. */
interface OpenSlot {
  readonly name: WindowName;
  readonly intake: WindowIntake;
  /** Key of the stream to which the window's event will be added. */
  stream: string;
  cancelTimer: CancelTimer | undefined;
}

/**
 * Guarantees: an accepted event is stored when its window ends, alone or merged, unless it is reported as dropped. The merged
 * events of one slot leave in the order in which their keys came. Additions of this process and the events that end them count in the
 * order of the calls. With windows in the broker an event is stored although this process ends, within 400 ms of that while any
 * publisher or gateway lives; the merged events of a window are then stored at least once, with the same IDs.
 */
export class Coalescer {
  readonly #dependencies: CoalescerDependencies;
  readonly #windows: WindowStore;
  readonly #coalescing: Coalescing;
  readonly #endingOrder = new EndingOrder();
  readonly #flusher: WindowFlusher;
  readonly #watch: OverdueWatch;
  readonly #stopFollowing: () => void;
  /** At most `maxOpenWindows`; the one that opened first comes first. */
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
    });
    this.#stopFollowing = broker.onStateChange(() => this.#followBroker());
    this.#followBroker();
  }

  /**
   * Adds a coalesced event to its window, and reports to its caller when it is accepted.
   * @throws BrokerError `overloaded`
   */
  add(event: StreamEvent, caller: Pick<PendingInput, 'resolve' | 'reject'>): void {
    const slotKey = this.#coalescing.slotOf(event);
    if (slotKey === undefined) throw new TypeError('only events of a coalesced type are added');
    const { local, broker, originalTexts } = this.#dependencies;
    const { key } = slotKey;
    const id = event.event_id;
    // Local windows return the event itself; of its text they read only the size.
    const input =
      local === undefined
        ? { id, text: originalTexts.textOf(event), key, event }
        : { id, text: originalTexts.payloadOf(event), value: event, key, event };
    const pending: PendingInput = { input, resolve: caller.resolve, reject: caller.reject };
    // While the broker is away nothing can be added to its windows, and the caller learns it at once.
    const mayWait = local !== undefined || broker.state === 'ready';
    if (mayWait && this.#endingOrder.isDeferring(slotKeyText(slotKey)))
      this.#endingOrder.defer(slotKeyText(slotKey), this.#deferred(slotKey, pending));
    else this.#enter(slotKey, pending);
  }

  /**
   * Notes an event that ends the inputs of a key, as a message ends its sender's typing, before the event is sent. Inputs of this
   * process that wait for the key come before it, later ones behind it. `undefined`: it ends nothing.
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

  /** Ends every open window now; resolves when its events are stored or reported as dropped. */
  async flush(): Promise<void> {
    await this.#endingOrder.idle();
    const slots = [...this.#slots.values()];
    await Promise.all(slots.map(({ intake }) => intake.idle()));
    await Promise.all(slots.map(({ name }) => this.#flusher.flush(name, true)));
    await this.#flusher.idle();
  }

  /** Flushes, then forgets everything, so that nothing keeps the process alive. */
  async close(): Promise<void> {
    this.#stopFollowing();
    this.#watch.stop();
    await this.flush();
    for (const { cancelTimer } of this.#slots.values()) cancelTimer?.();
    this.#slots.clear();
  }

  /** A publisher may be made before its broker is opened, and outlive it. */
  #followBroker(): void {
    const { broker, local } = this.#dependencies;
    const { state } = broker;
    // No other process can leave something behind in windows of this one.
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

  /** The publisher that opened a window flushes it when it is due; one that joined it remembers it until then, for `flush`. */
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
