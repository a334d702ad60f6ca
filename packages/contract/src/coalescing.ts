/**
 * Coalescing as pure functions: values in, values out; timers and stores are the caller's. States:
 *
 *   Idle --add--> Pending --flush--> Flushing --publish--> Published --add--> Pending
 *   Pending --add--> Pending (the newest per key stays)     Published --settle--> Idle
 *   Pending --end, nothing left--> Idle                     Flushing --add--> Pending (a new window)
 *
 * Order inside a key is by `timestamp`; of equal ones the later to arrive is the newer. An older event
 * never takes the place of a newer one, but its payload is merged and it is counted.
 */
import type { AnyCatalog } from './catalog.js';
import type {
  CoalescingWindow,
  EndedKey,
  FlushingWindow,
  HeldEvent,
  PendingWindow,
  SlotKey,
} from './coalescing-window.js';
import { ContractError } from './contract-error.js';
import type { CoalescingRule } from './declaration.js';
import type { StreamEvent } from './envelope.js';
import { compareTimestamps } from './timestamp-text.js';

/** Bounds and times of coalescing. */
export interface CoalescingOptions {
  /**
   * Most events one window takes. A full window is to be flushed before its time: nothing is lost or
   * forgotten, only less is merged.
   * @defaultValue 1024
   */
  readonly maxEvents?: number;
  /**
   * How long an ending is remembered against events that come late, in milliseconds.
   * @defaultValue 10000
   */
  readonly endMemoryMs?: number;
  /**
   * Most endings remembered in one slot of one room. At the bound the oldest is forgotten.
   * @defaultValue 256
   */
  readonly maxEndedKeys?: number;
}

/**
 * What became of an event:
 * - `opened`: it opened a window
 * - `joined`: it is the first of its key in an open window
 * - `absorbed`: it was merged with the one that waits for its key
 * - `repeat`: the window holds an event with this id already; nothing changed and nothing is counted
 * - `ended`: it is not newer than an event that ended its slot; it is dropped, to be counted by the caller
 * - `full`: the window takes no more; flush it and add the event again
 */
export type AddOutcome = 'opened' | 'joined' | 'absorbed' | 'repeat' | 'ended' | 'full';

/** The answer of `add`. */
export interface AddResult {
  /** Undefined: idle with nothing to remember. */
  readonly window: CoalescingWindow | undefined;
  readonly outcome: AddOutcome;
  /** How many events the added one stands for: its own `coalesced_count`, else 1. */
  readonly count: number;
}

/** The answer of `end`. */
export interface EndResult {
  readonly window: CoalescingWindow | undefined;
  /** How many events were dropped, each counted by its own `coalesced_count`. */
  readonly dropped: number;
}

/** The answer of `flush`. */
export interface FlushResult<Window = FlushingWindow> {
  readonly window: Window;
  /** The merged events, in the order in which their keys came. */
  readonly events: readonly StreamEvent[];
}

/** The coalescing rules of a catalog. Every function is pure. */
export interface Coalescing {
  /** Where an event waits; undefined for one that is not coalesced: by its type, or because it has no key. */
  slotOf(event: StreamEvent): SlotKey | undefined;
  /** Where an event ends the waiting; undefined when it ends nothing. */
  endedBy(event: StreamEvent): SlotKey | undefined;
  /**
   * Adds a parsed event to the window of its slot.
   * @throws ContractError `invalid_window` for an event that is not coalesced, or the window of another slot
   */
  add(window: CoalescingWindow | undefined, event: StreamEvent, nowMs: number): AddResult;
  /**
   * Drops what waits for the key of an ending event and is not newer, and remembers the ending.
   * @throws ContractError `invalid_window` for an event that ends nothing, or the window of another slot
   */
  end(window: CoalescingWindow | undefined, event: StreamEvent, nowMs: number): EndResult;
  /** When to call `flush`, in the caller's milliseconds; undefined when nothing waits. */
  dueAtMs(window: CoalescingWindow | undefined): number | undefined;
  /** Hands out what waits. Does not look at the clock: the caller may flush early. A window that is not pending is returned as it is. */
  flush(window: PendingWindow): FlushResult;
  flush(window: CoalescingWindow | undefined): FlushResult<CoalescingWindow | undefined>;
  /** Records that the events of a flush are in the stream. A window that opened meanwhile is left alone. */
  publish(window: CoalescingWindow | undefined): CoalescingWindow | undefined;
  /** Forgets what is no longer needed at `nowMs`. Undefined: the slot is idle and its state can be deleted. */
  settle(window: CoalescingWindow | undefined, nowMs: number): CoalescingWindow | undefined;
  /**
   * When to call `settle`, in the caller's milliseconds, 0 for at once; undefined while events wait or are
   * on their way.
   */
  settleAtMs(window: CoalescingWindow | undefined): number | undefined;
}

type Limits = Required<CoalescingOptions>;

const DEFAULT_LIMITS: Limits = { maxEvents: 1024, endMemoryMs: 10_000, maxEndedKeys: 256 };

function countOf(event: StreamEvent): number {
  return event.metadata?.coalesced_count ?? 1;
}

/** Stays a number that the envelope accepts, whatever counts a producer claims. */
function addCounts(left: number, right: number): number {
  return Math.min(left + right, Number.MAX_SAFE_INTEGER);
}

function ruleOf(catalog: AnyCatalog, event: StreamEvent): CoalescingRule<unknown> | undefined {
  return catalog.find(event.event_type)?.coalescing;
}

/**
 * The two events as one. The newer gives everything but the payload, which its type's rule merges; `undefined` when
 * the rule finds them too large together.
 */
function mergeInto(catalog: AnyCatalog, held: HeldEvent, event: StreamEvent): HeldEvent | undefined {
  const isNewer = compareTimestamps(event.timestamp, held.event.timestamp) >= 0;
  const [earlier, later] = isNewer ? [held.event, event] : [event, held.event];
  const payload = ruleOf(catalog, later)?.merge(earlier.payload, later.payload);
  if (payload === undefined) return undefined;
  return { key: held.key, event: { ...later, payload }, count: addCounts(held.count, countOf(event)) };
}

function toMergedEvent({ event, count }: HeldEvent): StreamEvent {
  return { ...event, metadata: { ...event.metadata, coalesced_count: count } };
}

function isEnded(ended: readonly EndedKey[], key: string, event: StreamEvent, nowMs: number): boolean {
  return ended.some(
    (end) =>
      end.key === key && end.forgetAtMs > nowMs && compareTimestamps(event.timestamp, end.timestamp) <= 0,
  );
}

/** Puts the newest ending of a key at the end of the list, and keeps the list within its bound. */
function rememberEnd(ended: readonly EndedKey[], end: EndedKey, nowMs: number, maxKeys: number): EndedKey[] {
  const known = ended.find((other) => other.key === end.key && other.forgetAtMs > nowMs);
  const isNewest = known === undefined || compareTimestamps(end.timestamp, known.timestamp) > 0;
  const others = ended.filter((other) => other.key !== end.key && other.forgetAtMs > nowMs);
  const timestamp = isNewest ? end.timestamp : known.timestamp;
  return [...others, { ...end, timestamp }].slice(-maxKeys);
}

function checkWindow(window: CoalescingWindow | undefined, slotKey: SlotKey): void {
  if (window === undefined) return;
  if (window.roomId === slotKey.roomId && window.slot === slotKey.slot) return;
  throw new ContractError('invalid_window', 'the coalescing window belongs to another room or slot');
}

function openWindow(
  slotKey: SlotKey,
  event: StreamEvent,
  dueAtMs: number,
  ended: readonly EndedKey[],
): PendingWindow {
  return {
    state: 'pending',
    roomId: slotKey.roomId,
    slot: slotKey.slot,
    dueAtMs,
    held: [{ key: slotKey.key, event, count: countOf(event) }],
    eventIds: [event.event_id],
    ended,
  };
}

/** The functions of one catalog, as a class only to share the catalog and the limits. Holds no other state. */
class CatalogCoalescing implements Coalescing {
  readonly #catalog: AnyCatalog;
  readonly #limits: Limits;

  constructor(catalog: AnyCatalog, limits: Limits) {
    this.#catalog = catalog;
    this.#limits = limits;
  }

  slotOf(event: StreamEvent): SlotKey | undefined {
    const rule = ruleOf(this.#catalog, event);
    const key = rule?.key(event.payload);
    if (rule === undefined || key === undefined) return undefined;
    return { roomId: event.room_id, slot: rule.slot, key };
  }

  endedBy(event: StreamEvent): SlotKey | undefined {
    const rule = this.#catalog.find(event.event_type)?.endsCoalescing;
    const key = rule?.key(event.payload);
    if (rule === undefined || key === undefined) return undefined;
    return { roomId: event.room_id, slot: rule.slot, key };
  }

  add(window: CoalescingWindow | undefined, event: StreamEvent, nowMs: number): AddResult {
    const rule = ruleOf(this.#catalog, event);
    const slotKey = this.slotOf(event);
    if (rule === undefined || slotKey === undefined) {
      throw new ContractError('invalid_window', `this event of type "${event.event_type}" is not coalesced`);
    }
    checkWindow(window, slotKey);
    const count = countOf(event);
    const ended = window?.ended ?? [];
    if (window?.state === 'pending' && window.eventIds.includes(event.event_id)) {
      return { window, outcome: 'repeat', count };
    }
    if (isEnded(ended, slotKey.key, event, nowMs)) return { window, outcome: 'ended', count };
    if (window?.state === 'pending') return { ...this.#join(window, slotKey.key, event), count };
    return { window: openWindow(slotKey, event, nowMs + rule.windowMs, ended), outcome: 'opened', count };
  }

  #join(window: PendingWindow, key: string, event: StreamEvent): Omit<AddResult, 'count'> {
    if (window.eventIds.length >= this.#limits.maxEvents) return { window, outcome: 'full' };
    const index = window.held.findIndex((held) => held.key === key);
    const known = window.held[index];
    const eventIds = [...window.eventIds, event.event_id];
    if (known === undefined) {
      const held = [...window.held, { key, event, count: countOf(event) }];
      return { window: { ...window, held, eventIds }, outcome: 'joined' };
    }
    const merged = mergeInto(this.#catalog, known, event);
    if (merged === undefined) return { window, outcome: 'full' };
    return { window: { ...window, held: window.held.with(index, merged), eventIds }, outcome: 'absorbed' };
  }

  end(window: CoalescingWindow | undefined, event: StreamEvent, nowMs: number): EndResult {
    const slotKey = this.endedBy(event);
    if (slotKey === undefined) {
      throw new ContractError(
        'invalid_window',
        `this event of type "${event.event_type}" ends no coalescing`,
      );
    }
    checkWindow(window, slotKey);
    const { roomId, slot, key } = slotKey;
    const end = { key, timestamp: event.timestamp, forgetAtMs: nowMs + this.#limits.endMemoryMs };
    const ended = rememberEnd(window?.ended ?? [], end, nowMs, this.#limits.maxEndedKeys);
    if (window?.state !== 'pending') {
      return { window: { ...(window ?? { state: 'idle', roomId, slot }), ended }, dropped: 0 };
    }
    const isDropped = (held: HeldEvent): boolean =>
      held.key === key && compareTimestamps(held.event.timestamp, event.timestamp) <= 0;
    const dropped = window.held.filter(isDropped).reduce((sum, held) => addCounts(sum, held.count), 0);
    const held = window.held.filter((other) => !isDropped(other));
    if (held.length === 0) return { window: { state: 'idle', roomId, slot, ended }, dropped };
    return { window: { ...window, held, ended }, dropped };
  }

  dueAtMs(window: CoalescingWindow | undefined): number | undefined {
    return window?.state === 'pending' ? window.dueAtMs : undefined;
  }

  flush(window: PendingWindow): FlushResult;
  flush(window: CoalescingWindow | undefined): FlushResult<CoalescingWindow | undefined>;
  flush(window: CoalescingWindow | undefined): FlushResult<CoalescingWindow | undefined> {
    if (window?.state !== 'pending') return { window, events: [] };
    const { roomId, slot, ended } = window;
    const events = window.held.map(toMergedEvent);
    return { window: { state: 'flushing', roomId, slot, events, ended }, events };
  }

  publish(window: CoalescingWindow | undefined): CoalescingWindow | undefined {
    if (window?.state !== 'flushing') return window;
    const { roomId, slot, ended } = window;
    return { state: 'published', roomId, slot, ended };
  }

  settle(window: CoalescingWindow | undefined, nowMs: number): CoalescingWindow | undefined {
    if (window === undefined) return undefined;
    const ended = window.ended.filter((end) => end.forgetAtMs > nowMs);
    if (window.state === 'pending' || window.state === 'flushing') return { ...window, ended };
    const { roomId, slot } = window;
    return ended.length === 0 ? undefined : { state: 'idle', roomId, slot, ended };
  }

  settleAtMs(window: CoalescingWindow | undefined): number | undefined {
    if (window === undefined || window.state === 'pending' || window.state === 'flushing') return undefined;
    return window.ended.reduce((latest, end) => Math.max(latest, end.forgetAtMs), 0);
  }
}

/**
 * The coalescing rules of a catalog as pure functions.
 * @throws ContractError `invalid_declaration` for a limit that is not a whole number of 1 or more
 */
export function createCoalescing(catalog: AnyCatalog, options: CoalescingOptions = {}): Coalescing {
  const limits = Object.freeze({ ...DEFAULT_LIMITS, ...options });
  for (const [name, limit] of Object.entries(limits)) {
    if (Number.isSafeInteger(limit) && limit >= 1) continue;
    throw new ContractError('invalid_declaration', `${name} must be a whole number of 1 or more`);
  }
  return new CatalogCoalescing(catalog, limits);
}
