// Merges the inputs of a window into events. Pure, and the same in every process: one that takes a flush over gets the same events,
// with the same IDs.
import {
  compareEntryIds,
  type EntryId,
  nextEntryId,
  type WaitedEnding,
  type WaitedInput,
  type WindowName,
} from '@millrace/broker';
import type { AnyCatalog, Coalescing, StreamEvent } from '@millrace/contract';
import type { OriginalTexts } from './original-texts.js';

/** A merged event. */
export interface FoldedEvent {
  readonly event: StreamEvent;
  /** `asOf` of the last input that was merged into it, see `AS_OF_FIELD`. `undefined`: not known, so it is as of its own entry. */
  readonly asOf: EntryId | undefined;
}

/** The outcome of a claimed window. */
export interface FoldedWindow {
  /** To be published in this order. */
  readonly events: readonly FoldedEvent[];
  /** Events that were merged into another one. */
  readonly absorbed: readonly StreamEvent[];
  /** How many events a later event ended, each counted by its own `coalesced_count`. */
  readonly ended: number;
  /** Inputs that are no events of this catalog. */
  readonly unreadable: number;
}

/** The rules of one catalog, and the texts of its events. */
interface Rules {
  readonly catalog: AnyCatalog;
  readonly coalescing: Coalescing;
  readonly originalTexts: OriginalTexts;
}

/** An input that was read, with its key in the window. */
interface KeyedEvent {
  readonly event: StreamEvent;
  readonly key: string;
}

/** Applies the contract's rules to the inputs of a window, in their order, and leaves out those that came before the end of their key. */
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
  // A merged event has the ID of the last one in it.
  const folded = events.map((event) => ({ event, asOf: asOfById.get(event.event_id) }));
  return { events: folded, absorbed, ended, unreadable };
}

function isBefore({ asOf }: WaitedInput, ending: WaitedEnding | undefined): boolean {
  return asOf !== undefined && ending !== undefined && compareEntryIds(asOf, ending.at) <= 0;
}

/** On a cluster the window's clock may be behind the stream's, yet the order in which input and ending came is known. */
function asOfBehind({ asOf }: WaitedInput, ending: WaitedEnding | undefined): EntryId | undefined {
  if (asOf === undefined || ending === undefined || compareEntryIds(asOf, ending.id) > 0) return asOf;
  return nextEntryId(ending.id);
}

function readEvent(
  { catalog, coalescing, originalTexts }: Rules,
  name: WindowName,
  { text, value }: WaitedInput,
): KeyedEvent | undefined {
  // A local window returns the very event that this publisher put in.
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
  const slotKey = coalescing.slotOf(event);
  return slotKey?.roomId === roomId && slotKey.slot === slot ? { event, key: slotKey.key } : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A text that is not JSON is no event; the caller counts it.
    return undefined;
  }
}
