/**
 * Coalescing as pure functions: values in, values out; timers and stores are the caller's. States:
 *
 *   Idle --add--> Pending --flush--> Flushing --publish--> Published --add--> Pending
 *   Pending --add--> Pending (the newest per key stays)     Published --settle--> Idle
 *   Pending --end, nothing left--> Idle                     Flushing --add--> Pending (a new window)
 *
 * The newest is the one that was added last. Nothing here reads a `timestamp`: clocks of producers differ.
 */
import type { AnyCatalog } from './catalog.js';
import type {
  CoalescingWindow,
  FlushingWindow,
  HeldEvent,
  PendingWindow,
  SlotKey,
} from './coalescing-window.js';
import { ContractError } from './contract-error.js';
import type { CoalescingRule } from './declaration.js';
import type { StreamEvent } from './envelope.js';

/** Bounds and times of coalescing. */
export interface CoalescingOptions {
  /**
   * Most events one window takes. A full window is to be flushed before its time: nothing is lost or
   * forgotten, only less is merged.
   * @defaultValue 1024
   */
  readonly maxEvents?: number;
}

/**
 * What became of an event:
 * - `opened`: it opened a window
 * - `joined`: it is the first of its key in an open window
 * - `absorbed`: it was merged with the one that waits for its key
 * - `repeat`: the window holds an event with this id already; nothing changed and nothing is counted
 * - `full`: the window takes no more; flush it and add the event again
 */
export type AddOutcome = 'opened' | 'joined' | 'absorbed' | 'repeat' | 'full';

/** The answer of `add`. */
export interface AddResult {
  readonly window: CoalescingWindow | undefined;
  readonly outcome: AddOutcome;
  /** How many events the added one stands for: its own `coalesced_count`, else 1. */
  readonly count: number;
}

/** The answer of `end`. */
export interface EndResult {
  readonly window: CoalescingWindow | undefined;
  /** The merged event that waited for the key; its `coalesced_count` says how many events it stands for. */
  readonly ended: StreamEvent | undefined;
}

/** The answer of `flush`. */
export interface FlushResult<Window = FlushingWindow> {
  readonly window: Window;
  /** The merged events, in the order in which their keys came. */
  readonly events: readonly StreamEvent[];
}

/** The answer of `fold`. */
export interface FoldResult {
  /** The merged events, in the order in which their keys came. */
  readonly events: readonly StreamEvent[];
  /** Events that were merged into another one. */
  readonly absorbed: readonly StreamEvent[];
}

/** The coalescing rules of a catalog. Every function is pure. */
export interface Coalescing {
  /** The slot in which an event waits; undefined for an event that is not coalesced: its type is not, or it has no key. */
  slotOf(event: StreamEvent): SlotKey | undefined;
  /** The slot whose waiting an event ends; undefined when it ends none. */
  endedBy(event: StreamEvent): SlotKey | undefined;
  /**
   * Adds a parsed event to the window of its slot.
   * @throws ContractError `invalid_window` for an event that is not coalesced, or the window of another slot
   */
  add(window: CoalescingWindow | undefined, event: StreamEvent, nowMs: number): AddResult;
  /**
   * Merges all events of one window at once, as if each were added and the window then flushed; in the middle too, where two would be
   * too large together. No event may be there twice.
   */
  fold(events: Iterable<{ readonly event: StreamEvent; readonly key: string }>): FoldResult;
  /**
   * Takes out what waits for a key, as a message does with its sender's typing; see `endedBy`.
   * @throws ContractError `invalid_window` for the window of another slot
   */
  end(window: CoalescingWindow | undefined, slotKey: SlotKey): EndResult;
  /** When to call `flush`, in the caller's milliseconds; undefined when nothing waits. */
  dueAtMs(window: CoalescingWindow | undefined): number | undefined;
  /** Hands out what waits. Does not look at the clock: the caller may flush early. A window that is not pending is returned as it is. */
  flush(window: PendingWindow): FlushResult;
  flush(window: CoalescingWindow | undefined): FlushResult<CoalescingWindow | undefined>;
  /** Records that the events of a flush are in the stream. A window that opened meanwhile is left alone. */
  publish(window: CoalescingWindow | undefined): CoalescingWindow | undefined;
  /** Published → Idle. Any other window is left alone. */
  settle(window: CoalescingWindow | undefined): CoalescingWindow | undefined;
}

type Limits = Required<CoalescingOptions>;

const DEFAULT_LIMITS: Limits = { maxEvents: 1024 };

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
 * The two events as one. The later gives everything but the payload, which its type's rule merges; `undefined` when the
 * rule finds them too large together.
 */
function mergeInto(catalog: AnyCatalog, held: HeldEvent, later: StreamEvent): HeldEvent | undefined {
  const payload = ruleOf(catalog, later)?.merge(held.event.payload, later.payload);
  if (payload === undefined) return undefined;
  return { key: held.key, event: { ...later, payload }, count: addCounts(held.count, countOf(later)) };
}

function toMergedEvent({ event, count }: HeldEvent): StreamEvent {
  return { ...event, metadata: { ...event.metadata, coalesced_count: count } };
}

function checkWindow(window: CoalescingWindow | undefined, slotKey: SlotKey): void {
  if (window === undefined) return;
  if (window.roomId === slotKey.roomId && window.slot === slotKey.slot) return;
  throw new ContractError('invalid_window', 'the coalescing window belongs to another room or slot');
}

function openWindow({ roomId, slot, key }: SlotKey, event: StreamEvent, dueAtMs: number): PendingWindow {
  const held = [{ key, event, count: countOf(event) }];
  return { state: 'pending', roomId, slot, dueAtMs, held, eventIds: [event.event_id] };
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
    if (window?.state !== 'pending') {
      return { window: openWindow(slotKey, event, nowMs + rule.windowMs), outcome: 'opened', count };
    }
    if (window.eventIds.includes(event.event_id)) {
      return { window, outcome: 'repeat', count };
    }
    return { ...this.#join(window, slotKey.key, event), count };
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

  fold(events: Iterable<{ readonly event: StreamEvent; readonly key: string }>): FoldResult {
    const [merged, absorbed]: [StreamEvent[], StreamEvent[]] = [[], []];
    const held = new Map<string, HeldEvent>();
    const flush = (): void => {
      for (const each of held.values()) merged.push(toMergedEvent(each));
      held.clear();
    };
    for (const { event, key } of events) {
      const known = held.get(key);
      const both = known === undefined ? undefined : mergeInto(this.#catalog, known, event);
      if (both !== undefined) absorbed.push(event);
      else if (known !== undefined) flush();
      held.set(key, both ?? { key, event, count: countOf(event) });
    }
    flush();
    return { events: merged, absorbed };
  }

  end(window: CoalescingWindow | undefined, slotKey: SlotKey): EndResult {
    checkWindow(window, slotKey);
    if (window?.state !== 'pending') return { window, ended: undefined };
    const found = window.held.find(({ key }) => key === slotKey.key);
    if (found === undefined) return { window, ended: undefined };
    const held = window.held.filter((other) => other !== found);
    return { window: held.length === 0 ? undefined : { ...window, held }, ended: toMergedEvent(found) };
  }

  dueAtMs(window: CoalescingWindow | undefined): number | undefined {
    return window?.state === 'pending' ? window.dueAtMs : undefined;
  }

  flush(window: PendingWindow): FlushResult;
  flush(window: CoalescingWindow | undefined): FlushResult<CoalescingWindow | undefined>;
  flush(window: CoalescingWindow | undefined): FlushResult<CoalescingWindow | undefined> {
    if (window?.state !== 'pending') return { window, events: [] };
    const { roomId, slot } = window;
    const events = window.held.map(toMergedEvent);
    return { window: { state: 'flushing', roomId, slot, events }, events };
  }

  publish(window: CoalescingWindow | undefined): CoalescingWindow | undefined {
    if (window?.state !== 'flushing') return window;
    const { roomId, slot } = window;
    return { state: 'published', roomId, slot };
  }

  settle(window: CoalescingWindow | undefined): CoalescingWindow | undefined {
    return window?.state === 'published' ? undefined : window;
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
