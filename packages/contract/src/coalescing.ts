// The coalescing rules of a catalog: the slot in which an event waits, the slot that it ends, and the result of one window. The
// publisher holds the windows. Nothing here reads a `timestamp`: the clocks of producers differ. Pure.
import type { AnyCatalog } from './catalog/catalog.js';
import type { CoalescingRule } from './catalog/declaration.js';
import type { StreamEvent } from './event/envelope.js';

/**
 * The field of a coalesced stream entry that says when the last of its events was made: the ID that an entry of this
 * stream would have had at that moment. Without the field, an entry's own ID says it.
 */
export const AS_OF_FIELD = 'as_of';

/** The key of one waiting event: usually of one user in a room. */
export interface SlotKey {
  readonly roomId: string;
  readonly slot: string;
  readonly key: string;
}

/** The result of `fold`. */
export interface FoldResult {
  /** The merged events, in the order in which their keys first appeared. */
  readonly events: readonly StreamEvent[];
  /** Events that were merged into another one. */
  readonly absorbed: readonly StreamEvent[];
}

/** The coalescing rules of a catalog. Every function is pure. */
export interface Coalescing {
  /** The slot in which an event waits; undefined for an event that is not coalesced: its type is not, or it has no key. */
  slotOf(event: StreamEvent): SlotKey | undefined;
  /** The slot whose waiting event this event ends; undefined when it ends none. */
  endedBy(event: StreamEvent): SlotKey | undefined;
  /**
   * Merges the events of one window, which are in the order of their arrival: the last event of each key stays, with the merged
   * payload and the number of events that were merged into it. When two events would be too large together, everything that was
   * merged until then is returned first. No event may appear twice.
   */
  fold(events: Iterable<{ readonly event: StreamEvent; readonly key: string }>): FoldResult;
}

/** Creates the coalescing rules of a catalog. */
export function createCoalescing(catalog: AnyCatalog): Coalescing {
  return new CatalogCoalescing(catalog);
}

/** All events of one key so far, merged into one. */
interface Merged {
  readonly event: StreamEvent;
  /** Number of events that were merged into it. */
  readonly count: number;
}

/** Holds the catalog and no other state. */
class CatalogCoalescing implements Coalescing {
  readonly #catalog: AnyCatalog;

  constructor(catalog: AnyCatalog) {
    this.#catalog = catalog;
  }

  slotOf(event: StreamEvent): SlotKey | undefined {
    const rule = this.#ruleOf(event);
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

  fold(events: Iterable<{ readonly event: StreamEvent; readonly key: string }>): FoldResult {
    const [done, absorbed]: [StreamEvent[], StreamEvent[]] = [[], []];
    const byKey = new Map<string, Merged>();
    const handOut = (): void => {
      for (const merged of byKey.values()) done.push(toEvent(merged));
      byKey.clear();
    };
    for (const { event, key } of events) {
      const known = byKey.get(key);
      const both = known === undefined ? undefined : this.#merge(known, event);
      if (both !== undefined) absorbed.push(event);
      else if (known !== undefined) handOut();
      byKey.set(key, both ?? { event, count: countOf(event) });
    }
    handOut();
    return { events: done, absorbed };
  }

  #ruleOf(event: StreamEvent): CoalescingRule<unknown> | undefined {
    return this.#catalog.find(event.event_type)?.coalescing;
  }

  /** Keeps the later event with the payload that its type's rule merges; `undefined` when both are too large together. */
  #merge(known: Merged, later: StreamEvent): Merged | undefined {
    const payload = this.#ruleOf(later)?.merge(known.event.payload, later.payload);
    if (payload === undefined) return undefined;
    // Keeps the count in the range that the envelope accepts, whatever count a producer sends.
    const count = Math.min(known.count + countOf(later), Number.MAX_SAFE_INTEGER);
    return { event: { ...later, payload }, count };
  }
}

function countOf(event: StreamEvent): number {
  return event.metadata?.coalesced_count ?? 1;
}

function toEvent({ event, count }: Merged): StreamEvent {
  return { ...event, metadata: { ...event.metadata, coalesced_count: count } };
}
