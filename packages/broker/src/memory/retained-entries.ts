// A list of entries that assigns IDs by the rule of Redis: IDs always rise, even when the clock goes back.
import { compareEntryIds, type EntryId, FIRST_ENTRY_ID } from '../entries/entry-id.js';
import type { Entry } from '../port/entry-log.js';

/**
 * The list is copied without its removed entries once there are this many of them. Such copies are rare, so a removal costs
 * the same on average for any length.
 */
const COMPACT_AT = 1024;

/** The entries of one stream, the oldest first. The owner of the list removes entries to limit its size. */
export class RetainedEntries {
  #entries: Entry[] = [];
  /** Index of the oldest entry. Entries before it are removed. */
  #head = 0;
  #lastMs = 0;
  #lastSequence = 0;
  #entriesAdded = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get entriesAdded(): number {
    return this.#entriesAdded;
  }

  /** The newest ID that was ever given to an entry. */
  get lastId(): EntryId {
    return this.#entriesAdded === 0 ? FIRST_ENTRY_ID : `${this.#lastMs}-${this.#lastSequence}`;
  }

  get firstId(): EntryId | undefined {
    return this.#entries[this.#head]?.id;
  }

  append(fields: Readonly<Record<string, string>>, nowMs: number): EntryId {
    const isLater = nowMs > this.#lastMs;
    this.#lastSequence = isLater ? 0 : this.#lastSequence + 1;
    this.#lastMs = isLater ? nowMs : this.#lastMs;
    this.#entriesAdded++;
    const id = this.lastId;
    this.#entries.push({ id, fields });
    return id;
  }

  /** Returns the oldest `count` entries with IDs above `after` and up to `upTo`, the oldest first. */
  range(after: EntryId, upTo: EntryId | undefined, count: number): Entry[] {
    const from = this.#firstAfter(after);
    const to = upTo === undefined ? this.#entries.length : this.#firstAfter(upTo);
    return this.#entries.slice(from, Math.max(from, Math.min(to, from + count)));
  }

  /** Returns the newest `count` entries with IDs above `after` and up to `upTo`, the newest first. */
  rangeBackward(after: EntryId, upTo: EntryId | undefined, count: number): Entry[] {
    const from = this.#firstAfter(after);
    const to = upTo === undefined ? this.#entries.length : this.#firstAfter(upTo);
    return this.#entries.slice(Math.max(from, to - count), Math.max(from, to)).toReversed();
  }

  /** Returns the number of entries with an ID below `id`. */
  countBelow(id: EntryId): number {
    return this.#search((candidate) => compareEntryIds(candidate, id) >= 0) - this.#head;
  }

  /** Returns the newest ID below `id`, or `0-0` if there is none. */
  idBefore(id: EntryId): EntryId {
    return this.#entries[this.#head + this.countBelow(id) - 1]?.id ?? FIRST_ENTRY_ID;
  }

  /** Removes the `count` oldest entries. */
  removeOldest(count: number): void {
    this.#head += Math.min(count, this.length);
    if (this.#head < COMPACT_AT || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }

  /** Returns the entry with this ID, or `undefined` if there is none. */
  find(id: EntryId): Entry | undefined {
    return this.#entries[this.#indexOf(id)];
  }

  /**
   * Removes one entry. The later entries move, so use this only for lists of a few thousand entries.
   * @returns false if there is no entry with this ID
   */
  remove(id: EntryId): boolean {
    const index = this.#indexOf(id);
    if (index < 0) return false;
    this.#entries.splice(index, 1);
    return true;
  }

  /** Returns the index of the entry with this ID, or -1 if there is none. */
  #indexOf(id: EntryId): number {
    const index = this.#search((candidate) => compareEntryIds(candidate, id) >= 0);
    return this.#entries[index]?.id === id ? index : -1;
  }

  #firstAfter(id: EntryId): number {
    return this.#search((candidate) => compareEntryIds(candidate, id) > 0);
  }

  /** Returns the index of the first entry whose ID fulfils `isReached`. All later IDs must fulfil it, too. */
  #search(isReached: (id: EntryId) => boolean): number {
    let low = this.#head;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = this.#entries[middle];
      if (entry !== undefined && isReached(entry.id)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
