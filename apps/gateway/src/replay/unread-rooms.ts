// Reads the events of several rooms in the order of delivery. Pure.
import type { EntryId } from '@millrace/broker';
import type { RingEntry } from './replay-share.js';

/** True if the client may be sent the entry. */
export type MayReceive = (stream: string, id: EntryId) => boolean;

/** The events of one room. Those before `index` are read. */
export interface UnreadRoom {
  /** Index of the room in the list of wanted rooms. */
  readonly room: number;
  readonly entries: readonly RingEntry[];
  index: number;
  readonly mayReceive: MayReceive;
}

/** Returns the first room with the oldest unread event, or `undefined` if all events are read. */
export function oldestOf(rooms: readonly UnreadRoom[]): UnreadRoom | undefined {
  let oldest: UnreadRoom | undefined;
  let sequence = Number.POSITIVE_INFINITY;
  for (const room of rooms) {
    const next = room.entries[room.index]?.sequence ?? Number.POSITIVE_INFINITY;
    if (next >= sequence) continue;
    oldest = room;
    sequence = next;
  }
  return oldest;
}

/** Returns the index of the first entry after this sequence number. The entries are sorted by sequence number. */
export function firstAfter(entries: readonly RingEntry[], sequence: number): number {
  let low = 0;
  for (let high = entries.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if ((entries[middle]?.sequence ?? 0) > sequence) high = middle;
    else low = middle + 1;
  }
  return low;
}
