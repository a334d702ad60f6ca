// Turns entries that were read from the streams into the calls that a client missed. Pure.
import { compareEntryIds, type Entry, type EntryId, FIRST_ENTRY_ID } from '@millrace/broker';
import {
  type AnyCatalog,
  type Control,
  type EraseControl,
  type IgnoredControl,
  isControl,
  type ReceivedEvent,
  readControlEntry,
} from '@millrace/contract';
import type { PreparedCall } from '@millrace/signalr';
import { prepareEvent } from '../dispatch/event-text.js';
import { prepareErasedCalls } from '../erasure/erased-call.js';
import { latestKeyOf } from './latest-key.js';
import type { Cursors } from './replay-ring.js';
import type { MayReceive } from './unread-rooms.js';

/** An entry that concerns the room of a client. */
export interface OlderEntry {
  readonly stream: string;
  readonly entry: Entry;
}

/** Dependencies of {@link toOlderCalls}. */
export interface OlderCallsOptions {
  readonly roomId: string;
  /** The client's cursors. */
  readonly cursors: Cursors;
  readonly catalog: AnyCatalog;
  /** True for an entry that the gateway knows to be erased, and for a later repeat of its event. */
  isErased(stream: string, id: EntryId, eventId: string): boolean;
  /** False for an entry that the client may not be sent. It still erases earlier entries. @defaultValue true for every entry */
  readonly mayReceive?: MayReceive | undefined;
  /** Composes a position of the room. */
  encode(cursors: Cursors): string;
}

/** True for an event of the room, and for a control entry that concerns the room. */
export function concernsRoom({ fields }: Entry, roomId: string): boolean {
  const control = readControlEntry(fields);
  if (control === undefined) return fields['room_id'] === roomId;
  return isErasure(control) && control.roomId === roomId;
}

/**
 * Turns the entries of a room into calls, oldest first. Each call has the position of a client that received all calls up to
 * and including this one. Leaves out erased events, even if a later entry erases them.
 */
export function toOlderCalls(
  entries: readonly OlderEntry[],
  options: OlderCallsOptions,
): readonly PreparedCall[] {
  const sorted = entries.toSorted((a, b) => compareEntryIds(a.entry.id, b.entry.id));
  const erased = new Set(sorted.flatMap(erasedBy));
  const position = new Map(options.cursors);
  const calls = new Map<string, PreparedCall>();
  for (const { stream, entry } of sorted) {
    position.set(stream, entry.id);
    if (options.mayReceive?.(stream, entry.id) === false) continue;
    const control = readControlEntry(entry.fields);
    if (control !== undefined) {
      if (!isErasure(control)) continue;
      const told = prepareErasedCalls(control, {
        stream,
        id: entry.id,
        // `encode` adds the epochs.
        positionOf: (name) => ({ epoch: '', cursor: position.get(name) ?? FIRST_ENTRY_ID }),
        encode: (positionOf) =>
          options.encode(new Map(Array.from(position.keys(), (name) => [name, positionOf(name).cursor]))),
      });
      for (const [index, call] of told.entries()) calls.set(`${keyOf(stream, entry.id)}\u0000${index}`, call);
      continue;
    }
    if (entry.isUtf8 === false || erased.has(keyOf(stream, entry.id))) continue;
    const replayed = replayedOf(entry, options.catalog);
    if (replayed === undefined) continue;
    const { received, latestKey } = replayed;
    const { event_id: eventId } = received.event;
    if (erased.has(eventId) || options.isErased(stream, entry.id, eventId)) continue;
    // A replay may cover several rooms, so the key contains the room.
    const key = latestKey === undefined ? `\u0000${eventId}` : `${received.event.room_id}\u0000${latestKey}`;
    // The newest event of a key keeps its own place in the order. The first of several events with the same ID is kept.
    if (latestKey !== undefined) calls.delete(key);
    else if (calls.has(key)) continue;
    calls.set(key, prepareEvent(received, options.encode(position)));
  }
  return [...calls.values()];
}

/**
 * Returns an event that is replayed, with its key. Returns `undefined` for every other entry, and for one on which a function of
 * the catalog throws: the dispatcher has rejected it.
 */
function replayedOf(
  { fields }: Entry,
  catalog: AnyCatalog,
): { readonly received: ReceivedEvent; readonly latestKey: string | undefined } | undefined {
  try {
    const parsed = catalog.parseEntry(fields);
    if (!parsed.ok || parsed.value.declaration.replay.mode === 'none') return undefined;
    return { received: parsed.value, latestKey: latestKeyOf(parsed.value) };
  } catch {
    return undefined;
  }
}

/** Returns what an entry erases: the keys of entries, and the IDs of their events, whose repeats are erased too. */
function erasedBy({ stream, entry }: OlderEntry): readonly string[] {
  const control = readControlEntry(entry.fields);
  if (control === undefined || !isErasure(control)) return [];
  return control.entries.flatMap(({ id, eventId }) => {
    const key = keyOf(stream, id);
    return eventId === undefined ? [key] : [key, eventId];
  });
}

/** True for the control entries that clients are told of. */
function isErasure(control: Control | IgnoredControl): control is EraseControl {
  return isControl(control) && control.kind === 'erase';
}

/** No event ID equals such a key, because event IDs contain no control character. */
function keyOf(stream: string, id: EntryId): string {
  return `${stream}\u0000${id}`;
}
