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

/**
 * The rooms that have unread events, as a binary heap: the room with the oldest unread event is first. Of rooms with the same event, the
 * one that was wanted first comes first. A connection may be in 1,000 rooms, so reading an event must not look at each of them.
 */
export class UnreadRooms {
  readonly #heap: UnreadRoom[];

  constructor(rooms: readonly UnreadRoom[]) {
    // A sorted list is a heap.
    this.#heap = rooms
      .filter(({ entries, index }) => index < entries.length)
      .sort((a, b) => sequenceOf(a) - sequenceOf(b) || a.room - b.room);
  }

  /** The room with the oldest unread event. `undefined` if all events are read. */
  get oldest(): UnreadRoom | undefined {
    return this.#heap[0];
  }

  /** Marks the oldest unread event as read. */
  readOldest(): void {
    const [oldest] = this.#heap;
    if (oldest === undefined) return;
    oldest.index += 1;
    if (oldest.index < oldest.entries.length) this.#sink(oldest);
    else {
      const last = this.#heap.pop();
      if (last !== undefined && last !== oldest) this.#sink(last);
    }
  }

  /** Puts a room at its place, from the top of the heap. */
  #sink(room: UnreadRoom): void {
    let index = 0;
    for (;;) {
      let childIndex = 2 * index + 1;
      const right = this.#heap[childIndex + 1];
      let child = this.#heap[childIndex];
      if (child !== undefined && right !== undefined && isBefore(right, child)) {
        child = right;
        childIndex += 1;
      }
      if (child === undefined || !isBefore(child, room)) break;
      this.#heap[index] = child;
      index = childIndex;
    }
    this.#heap[index] = room;
  }
}

function isBefore(a: UnreadRoom, b: UnreadRoom): boolean {
  const first = sequenceOf(a);
  const second = sequenceOf(b);
  return first < second || (first === second && a.room < b.room);
}

/** Returns the sequence number of the next event. */
function sequenceOf({ entries, index }: UnreadRoom): number {
  return entries[index]?.sequence ?? Number.POSITIVE_INFINITY;
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
