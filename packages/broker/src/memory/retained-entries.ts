// An append-only list of entries with Redis' rules for IDs: they rise strictly, also when the clock steps back.
import { compareEntryIds, type EntryId, FIRST_ENTRY_ID } from '../entries/entry-id.js';
import type { Entry } from '../port/entry-log.js';

/** Removed entries are released in pieces of this many: a removal then costs a constant on average. */
const COMPACT_AT = 1024;

/** The entries of one stream, oldest first. Bounded by its owner, who removes. */
export class RetainedEntries {
  #entries: Entry[] = [];
  /** Where the list begins; the entries before it were removed. */
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

  /** The newest ID ever given out. */
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

  /** Up to `count` entries after `after`, and none beyond `upTo`. */
  range(after: EntryId, upTo: EntryId | undefined, count: number): Entry[] {
    const from = this.#firstAfter(after);
    const to = upTo === undefined ? this.#entries.length : this.#firstAfter(upTo);
    return this.#entries.slice(from, Math.max(from, Math.min(to, from + count)));
  }

  /** The newest `count` entries of the same range, newest first. */
  rangeBackward(after: EntryId, upTo: EntryId | undefined, count: number): Entry[] {
    const from = this.#firstAfter(after);
    const to = upTo === undefined ? this.#entries.length : this.#firstAfter(upTo);
    return this.#entries.slice(Math.max(from, to - count), Math.max(from, to)).toReversed();
  }

  /** How many entries have an ID below `id`. */
  countBelow(id: EntryId): number {
    return this.#search((candidate) => compareEntryIds(candidate, id) >= 0) - this.#head;
  }

  /** The newest entry with an ID below `id`. */
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

  /** The entry with this ID, if it is there. */
  find(id: EntryId): Entry | undefined {
    return this.#entries[this.#indexOf(id)];
  }

  /** Removes one entry. Costs a copy of the list: for lists of some thousand. @returns false when it is not there. */
  remove(id: EntryId): boolean {
    const index = this.#indexOf(id);
    if (index < 0) return false;
    this.#entries.splice(index, 1);
    return true;
  }

  /** -1 when it is not there. */
  #indexOf(id: EntryId): number {
    const index = this.#search((candidate) => compareEntryIds(candidate, id) >= 0);
    return this.#entries[index]?.id === id ? index : -1;
  }

  #firstAfter(id: EntryId): number {
    return this.#search((candidate) => compareEntryIds(candidate, id) > 0);
  }

  /** Index of the first entry whose ID fulfils `isReached`, which must hold for all later ones too. */
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
