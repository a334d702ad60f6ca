// From what waited in a shared window to the merged events. Pure, and the same for whoever does it: who takes a flush over
// comes to the same events, with the same IDs.

import type { WindowName } from '@millrace/broker';
import type { AnyCatalog, Coalescing, CoalescingWindow, EndedKey, StreamEvent } from '@millrace/contract';
import type { KeptTexts } from './kept-texts.js';

/** What a claimed window comes to. */
export interface FoldedWindow {
  /** To be published in this order. */
  readonly events: readonly StreamEvent[];
  /** Events that were merged into another one. */
  readonly absorbed: readonly StreamEvent[];
  /** How many events a later event ended, each counted by its own `coalesced_count`. */
  readonly ended: number;
  /** Inputs that are no events of this catalog. */
  readonly unreadable: number;
}

/** An ending as it is kept beside the windows. */
export function endingText(key: string, timestamp: string): string {
  return JSON.stringify({ key, timestamp });
}

/** The rules of one catalog, and where the texts of its events are kept. */
interface Rules {
  readonly catalog: AnyCatalog;
  readonly coalescing: Coalescing;
  readonly keptTexts: KeptTexts;
}

/**
 * Applies the contract's rules to the inputs of a window, in their order. Endings come first: an event that is not newer
 * than one of them is dropped, whichever of the two arrived first.
 */
export function foldWindow(
  rules: Rules,
  { roomId, slot }: WindowName,
  waited: { readonly inputs: readonly string[]; readonly endings: readonly string[] },
): FoldedWindow {
  const { coalescing } = rules;
  const endings = waited.endings.flatMap(readEnding);
  let window: CoalescingWindow | undefined = { state: 'idle', roomId, slot, ended: endings };
  const [events, absorbed]: [StreamEvent[], StreamEvent[]] = [[], []];
  let ended = 0;
  let unreadable = 0;
  for (const text of waited.inputs) {
    const event = readEvent(rules, { roomId, slot }, text);
    if (event === undefined) {
      unreadable++;
      continue;
    }
    let added = coalescing.add(window, event, 0);
    if (added.outcome === 'full') {
      const flushed = coalescing.flush(window);
      events.push(...flushed.events);
      added = coalescing.add(flushed.window, event, 0);
    }
    window = added.window;
    if (added.outcome === 'absorbed') absorbed.push(event);
    if (added.outcome === 'ended') ended += added.count;
  }
  events.push(...coalescing.flush(window).events);
  return { events, absorbed, ended, unreadable };
}

/** The store has checked that it still holds; inside one fold no time passes. */
function readEnding(text: string): EndedKey[] {
  const { key, timestamp } = (parse(text) ?? {}) as Partial<EndedKey>;
  if (typeof key !== 'string' || typeof timestamp !== 'string') return [];
  return [{ key, timestamp, forgetAtMs: 1 }];
}

function readEvent(
  { catalog, coalescing, keptTexts }: Rules,
  name: WindowName,
  text: string,
): StreamEvent | undefined {
  const parsed = catalog.parseWritten(parse(text), text);
  if (!parsed.ok) return undefined;
  const { event } = parsed.value;
  const place = coalescing.slotOf(event);
  if (place?.roomId !== name.roomId || place.slot !== name.slot) return undefined;
  keptTexts.keep(parsed.value);
  return event;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What is no JSON is no event; the caller counts it.
    return undefined;
  }
}
