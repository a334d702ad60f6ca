// Coalescing windows in the broker, shared by all publishers on it. What waits survives this process: whoever notices that
// a window is overdue flushes it.
import { randomUUID } from 'node:crypto';
import {
  type Broker,
  type CancelTimer,
  type Clock,
  pause,
  type WaitedEnding,
  type WaitedInput,
  type WindowName,
  type WindowStore,
} from '@millrace/broker';
import {
  type AnyCatalog,
  type Coalescing,
  ContractError,
  createCoalescing,
  type SlotKey,
  type StreamEvent,
} from '@millrace/contract';
import type { Coalescer, EndingUnderWay, StoreMerged } from './coalescer.js';
import { foldWindow } from './fold-window.js';
import type { KeptTexts } from './kept-texts.js';
import { type HeldInput, MessageTurns } from './message-turns.js';
import type { PublisherObserver } from './options.js';
import { OverdueWatch } from './overdue-watch.js';
import { Turnstile } from './turnstile.js';
import { type Admission, type IntakeInput, type Waiting, WindowIntake } from './window-intake.js';

/** What a shared coalescer is made of. */
export interface SharedCoalescerOptions {
  readonly catalog: AnyCatalog;
  readonly clock: Clock;
  readonly broker: Pick<Broker, 'windows' | 'partitioning' | 'state' | 'onStateChange'>;
  /** Windows this process has added to and that may still wait; at the bound the oldest is flushed early. */
  readonly maxOpenWindows: number;
  /** Texts of the events that wait, and of those that are read again from windows. */
  readonly keptTexts: KeptTexts;
  readonly observer: PublisherObserver;
  readonly store: StoreMerged;
}

/** How long a flush may take before another process takes it over; one that takes longer renews its claim. */
const LEASE_MS = 250;
const RENEW_MS = 100;
/** A merged event that could not be stored for so long is given up, and counted. */
const GIVE_UP_MS = 60_000;
/** Flushes at a time: what is claimed must be stored well within its lease, also when thousands of windows end at once. */
const MAX_FLUSHES = 64;
/** How long `flush` waits for windows that somebody else is flushing. */
const FLUSH_LIMIT_MS = 5_000;

/** A slot of a room that this process has added to. */
interface OpenSlot {
  readonly name: WindowName;
  readonly intake: WindowIntake;
  /** Key of the stream to which the window's event will be added. */
  stream: string;
  cancelTimer: CancelTimer | undefined;
}

/**
 * {@link Coalescer} for many processes.
 *
 * Guarantees, beyond the port's: an event that was accepted is stored although this process ends, within 400 ms of its
 * end while any publisher or gateway lives; the merged events of a window are stored at least once, with the same IDs. What
 * this process adds and what ends it reach the broker in the order of the calls.
 */
export class SharedCoalescer implements Coalescer {
  readonly #options: SharedCoalescerOptions;
  readonly #windows: WindowStore;
  readonly #coalescing: Coalescing;
  readonly #turns = new MessageTurns();
  readonly #turnstile = new Turnstile(MAX_FLUSHES);
  readonly #watch: OverdueWatch;
  readonly #stopFollowing: () => void;
  /** At most `maxOpenWindows`; the one that opened first comes first. */
  readonly #slots = new Map<string, OpenSlot>();
  /** Flushes that are under way, by slot: one at a time each. */
  readonly #flushes = new Map<string, Promise<void>>();

  constructor(options: SharedCoalescerOptions) {
    this.#options = options;
    this.#windows = options.broker.windows;
    this.#coalescing = createCoalescing(options.catalog);
    this.#watch = new OverdueWatch({
      windows: this.#windows,
      clock: options.clock,
      slots: slotsOf(options.catalog),
      flush: (name) => this.#flushSlot(name, false),
    });
    this.#stopFollowing = options.broker.onStateChange(() => this.#followBroker());
    this.#followBroker();
  }

  async add(event: StreamEvent): Promise<void> {
    const slotKey = this.#coalescing.slotOf(event);
    if (slotKey === undefined) throw new TypeError('only events of a coalesced type are added');
    const text = this.#options.keptTexts.textOf(event);
    const input: IntakeInput = { id: event.event_id, text, key: slotKey.key, event };
    // While the broker is away nothing can be added, and the caller learns it at once.
    if (this.#options.broker.state !== 'ready') return this.#enter(slotKey, input);
    await new Promise<void>((resolve, reject) => {
      const held = this.#held(slotKey, { input, resolve, reject });
      if (!this.#turns.hold(turnOf(slotKey), held)) held.send();
    });
  }

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
    return {
      ends: { window, key, timestamp: event.timestamp },
      settle: (id) => settle(id !== undefined),
    };
  }

  async flush(): Promise<void> {
    await this.#turns.idle();
    const slots = [...this.#slots.values()];
    await Promise.all(slots.map(({ intake }) => intake.idle()));
    await Promise.all(slots.map(({ name }) => this.#flushSlot(name, true)));
    await Promise.all(this.#flushes.values());
  }

  async close(): Promise<void> {
    this.#stopFollowing();
    this.#watch.stop();
    await this.flush();
    for (const { cancelTimer } of this.#slots.values()) cancelTimer?.();
    this.#slots.clear();
  }

  /** A publisher may be made before its broker is opened, and outlive it. */
  #followBroker(): void {
    const { state } = this.#options.broker;
    if (state === 'ready') this.#watch.start();
    if (state === 'closed') this.#watch.stop();
  }

  /** An input that waits for its turn. */
  #held(slotKey: SlotKey, { input, resolve, reject }: Waiting): HeldInput {
    return {
      send: () => {
        this.#enter(slotKey, input).then(resolve, reject);
      },
      drop: () => {
        this.#countEnded(input.event.metadata?.coalesced_count ?? 1);
        resolve();
      },
    };
  }

  async #enter(slotKey: SlotKey, input: IntakeInput): Promise<void> {
    const { broker, catalog } = this.#options;
    const { event } = input;
    const declaration = catalog.find(event.event_type);
    const slot = this.#slotOf(slotKey, declaration?.coalescing?.windowMs ?? 0);
    slot.stream = broker.partitioning.streamFor(declaration?.stream ?? '', event.room_id);
    await slot.intake.add(input);
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

  /** Who opened the window flushes it when it is due; who joined it only remembers it until then, for `flush`. */
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

  /** Never rejects: what could not be flushed stays in the broker, where it is found again. */
  #flushSlot(name: WindowName, isForced: boolean): Promise<void> {
    const key = textOf(name);
    const before = this.#flushes.get(key);
    // A flush that was asked for must see what was added since the one before it began.
    if (before !== undefined) return isForced ? before.then(() => this.#flushSlot(name, true)) : before;
    const flush = this.#turnstile
      .run(() => this.#flushOnce(name, isForced))
      .catch(() => {})
      .finally(() => {
        this.#flushes.delete(key);
        const slot = this.#slots.get(key);
        if (slot !== undefined) this.#forget(slot);
      });
    this.#flushes.set(key, flush);
    return flush;
  }

  async #flushOnce(name: WindowName, isForced: boolean): Promise<void> {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + FLUSH_LIMIT_MS;
    for (;;) {
      const token = randomUUID();
      const claim = await this.#windows.claim(name, { token, leaseMs: LEASE_MS, isForced });
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
    const { observer } = this.#options;
    const { catalog, keptTexts } = this.#options;
    const rules = { catalog, coalescing: this.#coalescing, keptTexts };
    const { events, absorbed, ended, unreadable } = foldWindow(rules, name, waited);
    const stopRenewal = this.#renew(name, token);
    const results = await Promise.allSettled(
      events.map(({ event, asOf }) => this.#options.store(event, asOf)),
    );
    stopRenewal();
    const failures = results.flatMap((result, at) => {
      const event = events[at]?.event;
      return result.status === 'rejected' && event !== undefined
        ? [{ event, cause: result.reason as unknown }]
        : [];
    });
    const isHopeless = waited.ageMs > GIVE_UP_MS;
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

function slotsOf(catalog: AnyCatalog): string[] {
  return [...new Set(catalog.eventTypes.flatMap(({ coalescing }) => coalescing?.slot ?? []))];
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
