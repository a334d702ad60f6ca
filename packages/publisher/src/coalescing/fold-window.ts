// From what waited in a shared window to the merged events. Pure, and the same for whoever does it: who takes a flush over
// comes to the same events, with the same IDs.

import {
  compareEntryIds,
  type EntryId,
  nextEntryId,
  type WaitedEnding,
  type WaitedInput,
  type WindowName,
} from '@millrace/broker';
import type { AnyCatalog, Coalescing, StreamEvent } from '@millrace/contract';
import type { KeptTexts } from './original-texts.js';

/** A merged event. */
export interface FoldedEvent {
  readonly event: StreamEvent;
  /** `asOf` of the last input that it stands for, see `AS_OF_FIELD`. `undefined`: nobody knows, so it is as of its own entry. */
  readonly asOf: EntryId | undefined;
}

/** What a claimed window comes to. */
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

/** The rules of one catalog, and where the texts of its events are kept. */
interface Rules {
  readonly catalog: AnyCatalog;
  readonly coalescing: Coalescing;
  readonly keptTexts: KeptTexts;
}

/** An input that was read. */
interface Placed {
  readonly event: StreamEvent;
  readonly key: string;
}

/** Applies the contract's rules to the inputs of a window, in their order, and leaves out what came before the end of its key. */
export function foldWindow(
  rules: Rules,
  { roomId, slot }: WindowName,
  waited: { readonly inputs: readonly WaitedInput[]; readonly endings: readonly WaitedEnding[] },
): FoldedWindow {
  const { coalescing } = rules;
  const endings = new Map(waited.endings.map((ending) => [ending.key, ending]));
  const moments = new Map<string, EntryId | undefined>();
  const left: Placed[] = [];
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
    moments.set(event.event_id, behind(input, ending));
    left.push(found);
  }
  const { events, absorbed } = coalescing.fold(left);
  // A merged event has the ID of the last one in it.
  const folded = events.map((event) => ({ event, asOf: moments.get(event.event_id) }));
  return { events: folded, absorbed, ended, unreadable };
}

function isBefore({ asOf }: WaitedInput, ending: WaitedEnding | undefined): boolean {
  return asOf !== undefined && ending !== undefined && compareEntryIds(asOf, ending.at) <= 0;
}

/** On a cluster the window's clock may be behind that of the stream; the order in which both came is known all the same. */
function behind({ asOf }: WaitedInput, ending: WaitedEnding | undefined): EntryId | undefined {
  if (asOf === undefined || ending === undefined || compareEntryIds(asOf, ending.id) > 0) return asOf;
  return nextEntryId(ending.id);
}

function readEvent(
  { catalog, coalescing, keptTexts }: Rules,
  name: WindowName,
  { text, value }: WaitedInput,
): Placed | undefined {
  // A local window hands out the very event that this publisher put in.
  if (value !== undefined) return placed(coalescing, name, value as StreamEvent);
  const parsed = catalog.parseWritten(parse(text), text);
  if (!parsed.ok) return undefined;
  const found = placed(coalescing, name, parsed.value.event);
  if (found !== undefined) keptTexts.keep(parsed.value);
  return found;
}

function placed(
  coalescing: Coalescing,
  { roomId, slot }: WindowName,
  event: StreamEvent,
): Placed | undefined {
  const place = coalescing.slotOf(event);
  return place?.roomId === roomId && place.slot === slot ? { event, key: place.key } : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON is no event; the caller counts it.
    return undefined;
  }
}
