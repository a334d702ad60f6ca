// The coalescing rules of a catalog, pure: where an event waits, what it ends, and what the events of one window come to. Who holds
// windows, and for how long, is the publisher's business. Nothing here reads a `timestamp`: clocks of producers differ.
import type { AnyCatalog } from './catalog/catalog.js';
import type { CoalescingRule } from './catalog/declaration.js';
import type { StreamEvent } from './event/envelope.js';

/**
 * The field of a stream entry that says when the last of the events was made that it stands for: the ID that an entry of this
 * stream would have had at that moment. An entry without it is as of its own ID.
 */
export const AS_OF_FIELD = 'as_of';

/** Names one place in a window: usually one user in a room. */
export interface SlotKey {
  readonly roomId: string;
  readonly slot: string;
  readonly key: string;
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
   * Merges the events of one window, which are in the order of their arrival: of each key the last stays, with the merged payload and the
   * count of all it stands for. Where two would be too large together, all that was merged until then is handed out first. No event
   * may be there twice.
   */
  fold(events: Iterable<{ readonly event: StreamEvent; readonly key: string }>): FoldResult;
}

/** The coalescing rules of a catalog. */
export function createCoalescing(catalog: AnyCatalog): Coalescing {
  return new CatalogCoalescing(catalog);
}

/** The event that stands for all events of one key so far. */
interface Merged {
  readonly event: StreamEvent;
  /** The number of events that it stands for. */
  readonly count: number;
}

/** A class only to share the catalog. Holds no other state. */
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

  /** The later one gives everything but the payload, which its type's rule merges; `undefined` when both are too large together. */
  #merge(known: Merged, later: StreamEvent): Merged | undefined {
    const payload = this.#ruleOf(later)?.merge(known.event.payload, later.payload);
    if (payload === undefined) return undefined;
    // Stays a number that the envelope accepts, whatever counts a producer claims.
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
