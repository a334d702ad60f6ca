// A page of missed events, for readers over HTTP. Pure.
import type { PreparedCall } from '@millrace/signalr';
import { EVENT_ERASED } from '../erasure/erased-call.js';
import type { PageLimits } from './replay-ring.js';

/** A page of a room's events. */
export interface ReplayPage {
  /** The events, oldest first. */
  readonly events: readonly PreparedCall[];
  /** The position of a client that has received these events. */
  readonly next: string;
  /** True if there are already more events after `next`. */
  readonly hasMore: boolean;
}

/** The first events of a list, and the limits that remain for the rest of the page. */
export interface TakenEvents {
  readonly events: readonly PreparedCall[];
  /** False if the limits left out events of the list. */
  readonly isComplete: boolean;
  readonly rest: PageLimits;
}

/**
 * Takes at least one event from the beginning of a list, and more until a limit is reached. Erasures that follow each other
 * stay together, because only the last one of a control entry has the position after the entry.
 */
export function takePage(list: readonly PreparedCall[], { maxEvents, maxBytes }: PageLimits): TakenEvents {
  let bytes = 0;
  let count = 0;
  for (const { target, bytes: call } of list) {
    const isFull = count >= maxEvents || (count > 0 && bytes + call.length > maxBytes);
    const mayCut = target !== EVENT_ERASED || list[count - 1]?.target !== EVENT_ERASED;
    if (isFull && mayCut) break;
    count += 1;
    bytes += call.length;
  }
  const isFull = bytes >= maxBytes;
  return {
    events: list.slice(0, count),
    isComplete: count === list.length,
    rest: { maxEvents: isFull ? 0 : Math.max(0, maxEvents - count), maxBytes: maxBytes - bytes },
  };
}

/** Returns an event as an item of a page. An item has no target, so an erasure is marked by its `event_type`. */
export function pageItem(target: string, text: string): string {
  return target === EVENT_ERASED ? `{"event_type":"${EVENT_ERASED}",${text.slice(1)}` : text;
}
