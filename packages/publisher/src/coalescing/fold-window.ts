// Merges the inputs of a window into events. Every process gets the same result. Therefore a process that takes over a flush
// publishes the same events with the same IDs.
import {
  compareEntryIds,
  type EntryId,
  nextEntryId,
  type WaitedEnding,
  type WaitedInput,
  type WindowName,
} from '@millrace/broker';
import type { AnyCatalog, Coalescing, SlotKey, StreamEvent } from '@millrace/contract';
import type { OriginalTexts } from './original-texts.js';

/** A merged event. */
export interface FoldedEvent {
  readonly event: StreamEvent;
  /**
   * `asOf` of the last input that was merged into the event, see `AS_OF_FIELD`. `undefined` stands for the ID of the event's
   * own entry.
   */
  readonly asOf: EntryId | undefined;
}

/** The outcome of a claimed window. */
export interface FoldedWindow {
  /** The events to publish, in this order. */
  readonly events: readonly FoldedEvent[];
  /** The events that were merged with an earlier event of the same key. */
  readonly absorbed: readonly StreamEvent[];
  /** Number of events that a later event ended, as the sum of their `coalesced_count`. */
  readonly ended: number;
  /** Number of inputs that are not events of this catalog, or not events of this window. */
  readonly unreadable: number;
}

/** The rules of one catalog, and the texts of its events. */
interface Rules {
  readonly catalog: AnyCatalog;
  readonly coalescing: Coalescing;
  readonly originalTexts: OriginalTexts;
}

/** An event that was read from an input, with its key in the window. */
interface KeyedEvent {
  readonly event: StreamEvent;
  readonly key: string;
}

/**
 * Merges the inputs of a window in their order, by the rules of the catalog. Inputs that a later event has
 * ended are left out.
 */
export function foldWindow(
  rules: Rules,
  { roomId, slot }: WindowName,
  waited: { readonly inputs: readonly WaitedInput[]; readonly endings: readonly WaitedEnding[] },
): FoldedWindow {
  const { coalescing } = rules;
  const endings = new Map(waited.endings.map((ending) => [ending.key, ending]));
  const asOfById = new Map<string, EntryId | undefined>();
  const left: KeyedEvent[] = [];
  let ended = 0;
  let unreadable = 0;
  for (const input of waited.inputs) {
    const found = readEvent(rules, { roomId, slot }, input);
    if (found === undefined) {
      unreadable++;
      continue;
    }
    const { event, key } = found;
    const ending = endings.get(key);
    if (isBefore(input, ending)) {
      ended += event.metadata?.coalesced_count ?? 1;
      continue;
    }
    asOfById.set(event.event_id, asOfBehind(input, ending));
    left.push(found);
  }
  const { events, absorbed } = coalescing.fold(left);
  // A merged event has the ID of the last event that was merged into it.
  const folded = events.map((event) => ({ event, asOf: asOfById.get(event.event_id) }));
  return { events: folded, absorbed, ended, unreadable };
}

function isBefore({ asOf }: WaitedInput, ending: WaitedEnding | undefined): boolean {
  return asOf !== undefined && ending !== undefined && compareEntryIds(asOf, ending.at) <= 0;
}

/**
 * Returns the `asOf` of an input. It is always higher than the ID of an ending event's entry if the input came after that
 * event. The input's own `asOf` may be too low, because a cluster's window and stream may have different clocks.
 */
function asOfBehind({ asOf }: WaitedInput, ending: WaitedEnding | undefined): EntryId | undefined {
  if (asOf === undefined || ending === undefined || compareEntryIds(asOf, ending.id) > 0) return asOf;
  return nextEntryId(ending.id);
}

function readEvent(
  { catalog, coalescing, originalTexts }: Rules,
  name: WindowName,
  { text, value }: WaitedInput,
): KeyedEvent | undefined {
  // The value is the event that this publisher added, because a local window returns the same object.
  if (value !== undefined) return keyedIn(coalescing, name, value as StreamEvent);
  const parsed = catalog.parseWritten(parse(text), text);
  if (!parsed.ok) return undefined;
  const found = keyedIn(coalescing, name, parsed.value.event);
  if (found !== undefined) originalTexts.keep(parsed.value);
  return found;
}

function keyedIn(
  coalescing: Coalescing,
  { roomId, slot }: WindowName,
  event: StreamEvent,
): KeyedEvent | undefined {
  const slotKey = slotOf(coalescing, event);
  return slotKey?.roomId === roomId && slotKey.slot === slot ? { event, key: slotKey.key } : undefined;
}

/**
 * Returns the slot of an event, or `undefined` if the function `key` of its type throws. An exception would stop the window for
 * all processes that try to flush it.
 */
function slotOf(coalescing: Coalescing, event: StreamEvent): SlotKey | undefined {
  try {
    return coalescing.slotOf(event);
  } catch {
    return undefined;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A text that is not JSON is not an event. The caller counts it as unreadable.
    return undefined;
  }
}
