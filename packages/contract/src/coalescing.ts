// The coalescing rules of a catalog. They decide in which slot an event waits, which waiting event another event drops, and
// how the events of one window are merged. The publisher keeps the windows. The rules do not use the `timestamp` of events,
// because the clocks of producers differ. Pure.
import { shown } from '@millrace/internal';
import type { AnyCatalog } from './catalog/catalog.js';
import type { CoalescingRule } from './catalog/declaration.js';
import { ContractError } from './contract-error.js';
import type { StreamEvent } from './event/envelope.js';

/**
 * The field of a coalesced stream entry that records when the last of the merged events arrived. Its value is the ID that an
 * entry of this stream would have had at that moment. An entry without this field arrived when its own ID says.
 * @beta
 */
export const AS_OF_FIELD = 'as_of';

/** Identifies one waiting event by its room, its slot, and its key inside the slot. The key is usually a user's ID. @beta */
export interface SlotKey {
  readonly roomId: string;
  readonly slot: string;
  readonly key: string;
}

/** The result of `fold`. @beta */
export interface FoldResult {
  /** The merged events, in the order in which their keys first appeared. */
  readonly events: readonly StreamEvent[];
  /** The events that were merged with an earlier event of the same key. */
  readonly absorbed: readonly StreamEvent[];
}

/** The coalescing rules of a catalog. Every function is pure. @beta */
export interface Coalescing {
  /**
   * Returns the slot in which an event waits. Returns `undefined` if the type of the event is not coalesced, or if the event
   * has no key.
   */
  slotOf(event: StreamEvent): SlotKey | undefined;
  /** Returns the slot whose waiting event is dropped when the given event arrives, or `undefined` if nothing is dropped. */
  endedBy(event: StreamEvent): SlotKey | undefined;
  /**
   * Merges the events of one window, which must be in the order of their arrival. For each key, one event remains: the last
   * event, with the merged payload and the number of merged events. If the next event would make the merged event too large,
   * the events that were merged so far are moved to the front of the result, and merging begins again. Events are left
   * unmerged if `merge` of their type throws, or if the merged payload does not match the type's schema. No event may appear
   * twice in the window.
   */
  fold(events: Iterable<{ readonly event: StreamEvent; readonly key: string }>): FoldResult;
}

/** Creates the coalescing rules of a catalog. @beta */
export function createCoalescing(catalog: AnyCatalog): Coalescing {
  return new CatalogCoalescing(catalog);
}

/** All events of one key so far, merged into one. */
interface Merged {
  readonly event: StreamEvent;
  /** Number of events that were merged, including `event` itself. */
  readonly count: number;
  /** The events that were merged, in their order. A merge appends to this list, because a window may have thousands of events. */
  readonly parts: StreamEvent[];
}

/** The only state is the catalog, which never changes. */
class CatalogCoalescing implements Coalescing {
  readonly #catalog: AnyCatalog;

  constructor(catalog: AnyCatalog) {
    this.#catalog = catalog;
  }

  slotOf(event: StreamEvent): SlotKey | undefined {
    const rule = this.#ruleOf(event);
    const key = keyOf(event, 'coalescing', rule);
    if (rule === undefined || key === undefined) return undefined;
    return { roomId: event.room_id, slot: rule.slot, key };
  }

  endedBy(event: StreamEvent): SlotKey | undefined {
    const rule = this.#catalog.find(event.event_type)?.endsCoalescing;
    const key = keyOf(event, 'endsCoalescing', rule);
    if (rule === undefined || key === undefined) return undefined;
    return { roomId: event.room_id, slot: rule.slot, key };
  }

  fold(events: Iterable<{ readonly event: StreamEvent; readonly key: string }>): FoldResult {
    const [done, absorbed]: [StreamEvent[], StreamEvent[]] = [[], []];
    const byKey = new Map<string, Merged>();
    const handOut = (): void => {
      for (const merged of byKey.values()) {
        if (this.#isValid(merged)) {
          done.push(toEvent(merged));
          absorbed.push(...merged.parts.slice(1));
        } else done.push(...merged.parts.map((event) => toEvent(alone(event))));
      }
      byKey.clear();
    };
    for (const { event, key } of events) {
      const known = byKey.get(key);
      const both = known === undefined ? undefined : this.#merge(known, event);
      if (both === undefined && known !== undefined) handOut();
      byKey.set(key, both ?? alone(event));
    }
    handOut();
    return { events: done, absorbed };
  }

  #ruleOf(event: StreamEvent): CoalescingRule<unknown> | undefined {
    return this.#catalog.find(event.event_type)?.coalescing;
  }

  /**
   * Merges a later event into the earlier events of its key. The result is the later event with the merged payload. Returns
   * `undefined` if both would be too large together, or if the rule throws.
   */
  #merge(known: Merged, later: StreamEvent): Merged | undefined {
    const payload = mergedPayload(this.#ruleOf(later), known.event.payload, later.payload);
    if (payload === undefined) return undefined;
    // Limits the count to the range that the envelope accepts, because producers may send huge counts.
    const count = Math.min(known.count + countOf(later), Number.MAX_SAFE_INTEGER);
    known.parts.push(later);
    return { event: { ...later, payload }, count, parts: known.parts };
  }

  /** False for a merged event that gateways would reject. A single event was checked when it was published. */
  #isValid({ event, parts }: Merged): boolean {
    return parts.length === 1 || this.#catalog.parsePayload(event.event_type, event.payload).ok;
  }
}

/**
 * Returns the key of an event by a rule of its type.
 * @throws ContractError `invalid_declaration` if the function `key` returns anything other than a string. As a key, every promise
 *   would be the same, and the events of different users would be merged.
 */
function keyOf(
  event: StreamEvent,
  ruleName: string,
  rule: { key(payload: unknown): unknown } | undefined,
): string | undefined {
  const key = rule?.key(event.payload);
  if (key === undefined || typeof key === 'string') return key;
  const message = `event type "${event.event_type}": ${ruleName}.key must return a string or undefined`;
  throw new ContractError('invalid_declaration', `${message}, not ${shown(key)}`);
}

/** Calls a function of the application. Events that it cannot merge must not be lost. */
function mergedPayload(rule: CoalescingRule<unknown> | undefined, earlier: unknown, later: unknown): unknown {
  try {
    return rule?.merge(earlier, later);
  } catch {
    return undefined;
  }
}

function alone(event: StreamEvent): Merged {
  return { event, count: countOf(event), parts: [event] };
}

function countOf(event: StreamEvent): number {
  return event.metadata?.coalesced_count ?? 1;
}

function toEvent({ event, count }: Merged): StreamEvent {
  return { ...event, metadata: { ...event.metadata, coalesced_count: count } };
}
