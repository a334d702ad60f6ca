// Coalescing windows: events of a key wait here and leave as one. The store of windows is the broker's, shared by all publishers on
// it, so that what waits survives this process and whoever notices that a window is overdue flushes it; or this process's own. How
// events become one is the contract's business.

import { randomUUID } from 'node:crypto';
import type { Broker, EntryId, WaitedEnding, WaitedInput, WindowName, WindowStore } from '@millrace/broker';
import {
  type AnyCatalog,
  type Coalescing,
  ContractError,
  createCoalescing,
  type SlotKey,
  type StreamEvent,
} from '@millrace/contract';
import { type CancelTimer, type Clock, pause } from '@millrace/internal';
import type { PublisherObserver } from '../options.js';
import { Turnstile } from './concurrency-limiter.js';
import { type EndingUnderWay, type HeldInput, MessageTurns } from './ending-order.js';
import { type FoldedEvent, foldWindow } from './fold-window.js';
import type { LocalWindows } from './local-windows.js';
import type { KeptTexts } from './original-texts.js';
import { OverdueWatch } from './overdue-watch.js';
import { type Admission, type Waiting, WindowIntake } from './window-intake.js';

/** Dependencies and bounds of {@link Coalescer}. */
export interface CoalescerOptions {
  readonly catalog: AnyCatalog;
  readonly clock: Clock;
  readonly broker: Pick<Broker, 'windows' | 'partitioning' | 'state' | 'onStateChange'>;
  /** Windows in this process; `undefined`: events wait in the broker. */
  readonly local: LocalWindows | undefined;
  /** Windows this process has added to and that may still wait; at the bound the oldest is flushed early. */
  readonly maxOpenWindows: number;
  /** Texts of the events that wait, and of those that are read again from windows. */
  readonly keptTexts: KeptTexts;
  readonly observer: PublisherObserver;
  /** Puts a merged event into its stream, and tells its entry's ID, or why there is none. */
  readonly store: (
    merged: FoldedEvent,
    onSettled: (id: EntryId | undefined, cause?: unknown) => void,
  ) => void;
}

/** A flush that takes longer is taken over by another process, unless it renews its claim. */
const LEASE_MS = 250;
const RENEW_MS = 100;
/** A merged event that could not be stored for so long is given up, and counted. */
const GIVE_UP_MS = 60_000;
/** Flushes at a time: what is claimed must be stored well within its lease, also when thousands of windows end at once. */
const MAX_FLUSHES = 64;
/** `flush` waits no longer for windows that somebody else is flushing. */
const FLUSH_LIMIT_MS = 5_000;

/** A merged event that is not stored. */
interface Failure {
  readonly event: StreamEvent;
  readonly cause: unknown;
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
 * Guarantees: an event that was accepted is stored when its window ends, alone or merged, unless it is reported as dropped; merged
 * events of one slot leave in the order in which their keys came. What this process adds and what ends it count in the order of the
 * calls. With windows in the broker it is stored although this process ends, within 400 ms of its end while any publisher or gateway
 * lives; the merged events of a window are then stored at least once, with the same IDs.
 */
export class Coalescer {
  readonly #options: CoalescerOptions;
  readonly #windows: WindowStore;
  readonly #coalescing: Coalescing;
  readonly #turns = new MessageTurns();
  readonly #turnstile: Turnstile;
  readonly #watch: OverdueWatch;
  readonly #stopFollowing: () => void;
  /** At most `maxOpenWindows`; the one that opened first comes first. */
  readonly #slots = new Map<string, OpenSlot>();
  /** Flushes that are under way, by slot: one at a time each. */
  readonly #flushes = new Map<string, Promise<void>>();

  constructor(options: CoalescerOptions) {
    const { local } = options;
    this.#options = options;
    this.#windows = local ?? options.broker.windows;
    this.#coalescing = createCoalescing(options.catalog);
    this.#turnstile = new Turnstile(local === undefined ? MAX_FLUSHES : Number.POSITIVE_INFINITY);
    this.#watch = new OverdueWatch({
      windows: this.#windows,
      clock: options.clock,
      catalog: options.catalog,
      flush: (name) => this.#flushSlot(name, false),
    });
    this.#stopFollowing = options.broker.onStateChange(() => this.#followBroker());
    this.#followBroker();
  }

  /**
   * Takes a coalesced event into its window, and tells its caller when it is accepted.
   * @throws BrokerError `overloaded`
   */
  add(event: StreamEvent, caller: Pick<Waiting, 'resolve' | 'reject'>): void {
    const slotKey = this.#coalescing.slotOf(event);
    if (slotKey === undefined) throw new TypeError('only events of a coalesced type are added');
    const { local, broker, keptTexts } = this.#options;
    const { key } = slotKey;
    const id = event.event_id;
    // Local windows hand the event out again; of the text they read only the size.
    const input =
      local === undefined
        ? { id, text: keptTexts.textOf(event), key, event }
        : { id, text: keptTexts.payloadOf(event), value: event, key, event };
    const waiting: Waiting = { input, resolve: caller.resolve, reject: caller.reject };
    // While the broker is away nothing can be added to its windows, and the caller learns it at once.
    const mayWait = local !== undefined || broker.state === 'ready';
    if (mayWait && this.#turns.isHolding(turnOf(slotKey)))
      this.#turns.hold(turnOf(slotKey), this.#held(slotKey, waiting));
    else this.#enter(slotKey, waiting);
  }

  /**
   * Takes notice of an event that ends what waits in a slot, as a message ends its sender's typing, before it is sent. What of
   * this process waits for the key comes before it, what is added from now on behind it. `undefined`: it ends nothing.
   */
  end(event: StreamEvent): EndingUnderWay | undefined {
    const slotKey = this.#coalescing.endedBy(event);
    if (slotKey === undefined) return undefined;
    const { key } = slotKey;
    const window = nameOf(slotKey);
    const waiting = this.#slots.get(textOf(window))?.intake.withdraw(key) ?? [];
    const settle = this.#turns.begin(
      turnOf(slotKey),
      waiting.map((each) => this.#held(slotKey, each)),
    );
    const ending = { window, key, timestamp: event.timestamp };
    const { local } = this.#options;
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
    await this.#turns.idle();
    const slots = [...this.#slots.values()];
    await Promise.all(slots.map(({ intake }) => intake.idle()));
    await Promise.all(slots.map(({ name }) => this.#flushSlot(name, true)));
    await Promise.all(this.#flushes.values());
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
    const { broker, local } = this.#options;
    const { state } = broker;
    // Nobody else can leave something behind in windows of this process.
    if (state === 'ready' && local === undefined) this.#watch.start();
    if (state === 'closed') this.#watch.stop();
  }

  /** An input that waits for its turn. */
  #held(slotKey: SlotKey, waiting: Waiting): HeldInput {
    return {
      send: () => this.#enter(slotKey, waiting),
      drop: () => {
        this.#countEnded(waiting.input.event.metadata?.coalesced_count ?? 1);
        waiting.resolve();
      },
    };
  }

  #enter(slotKey: SlotKey, waiting: Waiting): void {
    const { event } = waiting.input;
    const { coalescing } = this.#options.catalog.find(event.event_type) ?? {};
    const slot = this.#slotOf(slotKey, coalescing?.windowMs ?? 0);
    slot.stream = this.#streamOf(event);
    slot.intake.add(waiting);
  }

  #streamOf(event: StreamEvent): string {
    const { broker, catalog } = this.#options;
    const { stream = '' } = catalog.find(event.event_type) ?? {};
    return broker.partitioning.streamFor(stream, event.room_id);
  }

  #slotOf(slotKey: SlotKey, windowMs: number): OpenSlot {
    const name = nameOf(slotKey);
    const key = textOf(name);
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const intake = new WindowIntake({
      add: (inputs) => this.#windows.add(name, inputs, { windowMs, stream: slot.stream }),
      makeRoom: () => this.#flushSlot(name, true),
      onAdmission: (admission) => this.#onAdmission(slot, admission),
    });
    const slot: OpenSlot = { name, intake, stream: '', cancelTimer: undefined };
    this.#slots.set(key, slot);
    this.#keepBound();
    return slot;
  }

  /** The publisher that opened a window flushes it when it is due; one that joined it remembers it until then, for `flush`. */
  #onAdmission(slot: OpenSlot, { isOpened, dueInMs }: Admission): void {
    if (isOpened) this.#startTimer(slot, dueInMs, () => void this.#flushSlot(slot.name, false));
    else if (slot.cancelTimer === undefined) this.#startTimer(slot, dueInMs, () => this.#forget(slot));
  }

  #startTimer(slot: OpenSlot, delayMs: number, work: () => void): void {
    slot.cancelTimer?.();
    slot.cancelTimer = this.#options.clock.startTimer(() => {
      slot.cancelTimer = undefined;
      work();
    }, delayMs);
  }

  #forget(slot: OpenSlot): void {
    if (slot.intake.isIdle && slot.cancelTimer === undefined) this.#slots.delete(textOf(slot.name));
  }

  #keepBound(): void {
    if (this.#slots.size <= this.#options.maxOpenWindows) return;
    for (const [key, { name, cancelTimer }] of this.#slots) {
      cancelTimer?.();
      this.#slots.delete(key);
      void this.#flushSlot(name, true);
      return;
    }
  }

  /** Never rejects: what could not be flushed stays in the store, where it is found again. */
  #flushSlot(name: WindowName, isForced: boolean): Promise<void> {
    const key = textOf(name);
    const before = this.#flushes.get(key);
    if (before === undefined) {
      const flush = this.#flush(name, key, isForced);
      this.#flushes.set(key, flush);
      return flush;
    }
    // A flush that was asked for must see what was added since the one before it began. Windows of this process have no watch that
    // comes back to them.
    const mustFollow = isForced || this.#options.local !== undefined;
    return mustFollow ? before.then(() => this.#flushSlot(name, isForced)) : before;
  }

  async #flush(name: WindowName, key: string, isForced: boolean): Promise<void> {
    try {
      await this.#turnstile.enter();
      await this.#flushOnce(name, isForced);
    } catch {
      // The store is away: the watch finds the window again.
    }
    this.#turnstile.leave();
    this.#flushes.delete(key);
    const slot = this.#slots.get(key);
    if (slot !== undefined) this.#forget(slot);
  }

  async #flushOnce(name: WindowName, isForced: boolean): Promise<void> {
    const { clock, local } = this.#options;
    const endMs = clock.monotonicMs() + FLUSH_LIMIT_MS;
    const leaseMs = local === undefined ? LEASE_MS : Number.POSITIVE_INFINITY;
    for (;;) {
      const token = randomUUID();
      const claim = await this.#windows.claim(name, { token, leaseMs, isForced });
      if (claim.status === 'idle') return;
      if (claim.status === 'claimed') {
        const isPublished = await this.#publish(name, token, claim);
        // Behind a flush that was taken over the next window may be due; behind our own it has just begun.
        if (!isPublished || claim.ageMs === 0) return;
        continue;
      }
      if (!isForced) return this.#lookAgain(name, claim);
      if (clock.monotonicMs() + claim.inMs > endMs) return;
      await pause(clock, claim.inMs);
    }
  }

  /** The store's clock may be behind our timer. A flush of somebody else's is the watch's business. */
  #lookAgain(name: WindowName, claim: { readonly status: 'waiting' | 'busy'; readonly inMs: number }): void {
    const slot = this.#slots.get(textOf(name));
    if (claim.status !== 'waiting' || slot === undefined || slot.cancelTimer !== undefined) return;
    this.#startTimer(slot, Math.max(1, claim.inMs), () => void this.#flushSlot(name, false));
  }

  /** Flushing → Published. False: it stays in the broker and is tried again. */
  async #publish(
    name: WindowName,
    token: string,
    waited: {
      readonly inputs: readonly WaitedInput[];
      readonly endings: readonly WaitedEnding[];
      readonly ageMs: number;
    },
  ): Promise<boolean> {
    const { observer, catalog, keptTexts, local } = this.#options;
    const rules = { catalog, coalescing: this.#coalescing, keptTexts };
    const { events, absorbed, ended, unreadable } = foldWindow(rules, name, waited);
    const stopRenewal = local === undefined ? this.#renew(name, token) : undefined;
    const failures = await this.#storeAll(events);
    stopRenewal?.();
    // The outbox has tried for as long as it does, and a local window has no other process to try again.
    const isHopeless = local !== undefined || waited.ageMs > GIVE_UP_MS;
    if (!isHopeless && failures.some(({ cause }) => !(cause instanceof ContractError))) return false;
    // Counted by the one whose commit holds: another one may have taken the flush over and finished it.
    if (!(await this.#windows.commit(name, token))) return true;
    for (const event of absorbed) observer.coalesced?.(event);
    this.#countEnded(ended);
    if (unreadable > 0) observer.dropped?.({ reason: 'invalid', count: unreadable });
    for (const { event, cause } of failures) {
      const count = event.metadata?.coalesced_count ?? 1;
      observer.dropped?.({
        reason: cause instanceof ContractError ? 'too_large' : 'unavailable',
        count,
        cause,
      });
    }
    return true;
  }

  /** Resolves when each of them is stored or not, to those that are not. */
  #storeAll(events: readonly FoldedEvent[]): Promise<Failure[]> {
    const { local, store } = this.#options;
    return new Promise((resolve) => {
      const failures: Failure[] = [];
      let left = events.length;
      for (const { event, asOf } of events) {
        store({ event, asOf }, (id, cause) => {
          if (id === undefined) failures.push({ event, cause });
          else local?.stored(this.#streamOf(event), id);
          left -= 1;
          if (left === 0) resolve(failures);
        });
      }
      if (left === 0) resolve(failures);
    });
  }

  #countEnded(count: number): void {
    if (count > 0) this.#options.observer.dropped?.({ reason: 'ended', count });
  }

  /** A store that is slow is no reason for others to publish the same again. */
  #renew(name: WindowName, token: string): CancelTimer {
    const { clock } = this.#options;
    let cancel: CancelTimer = () => {};
    const next = (): void => {
      cancel = clock.startTimer(() => {
        next();
        this.#windows.renew(name, token, LEASE_MS).catch(() => {});
      }, RENEW_MS);
    };
    next();
    return () => cancel();
  }
}

function nameOf({ roomId, slot }: SlotKey): WindowName {
  return { roomId, slot };
}

// A room ID and a slot hold no control characters, so these names are unambiguous.
function turnOf(slotKey: SlotKey): string {
  return `${textOf(slotKey)}\u0000${slotKey.key}`;
}

function textOf({ roomId, slot }: WindowName): string {
  return `${roomId}\u0000${slot}`;
}
