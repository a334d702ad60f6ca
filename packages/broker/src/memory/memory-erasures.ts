// The erased entries of one stream in memory. Does what `scripts/erase.ts` does on Redis.
import { compareEntryIds, type EntryId, FIRST_ENTRY_ID } from '../entries/entry-id.js';
import type { ErasedRemoval } from '../port/erasure-store.js';
import type { RetainedEntries } from './retained-entries.js';

/** The erased entries that are still in their stream, and the number of removed ones. */
export class MemoryErasures {
  readonly #log: RetainedEntries;
  /** Erased entry → its control entry, in the order of the control entries. Never has more entries than the stream. */
  readonly #waiting = new Map<EntryId, EntryId>();
  #removed = 0;
  /** The newest removed entry that was the first one of the stream, and the number of entries that had been trimmed by then. */
  #floor: { readonly id: EntryId; readonly trimmed: number } | undefined;

  constructor(log: RetainedEntries) {
    this.#log = log;
  }

  get isEmpty(): boolean {
    return this.#waiting.size === 0;
  }

  /** True for an erased entry that is still in the stream. */
  has(id: EntryId): boolean {
    return this.#waiting.has(id);
  }

  add(control: EntryId, ids: readonly EntryId[]): void {
    for (const id of ids) if (this.#log.find(id) !== undefined) this.#waiting.set(id, control);
  }

  /** Removes at most `limit` entries whose control entry is at or before `smallestCursor`. */
  remove(smallestCursor: EntryId | undefined, limit: number): ErasedRemoval {
    const due: EntryId[] = [];
    for (const [id, control] of this.#waiting) {
      if (due.length === limit) break;
      if (smallestCursor !== undefined && compareEntryIds(smallestCursor, control) < 0) break;
      due.push(id);
      this.#waiting.delete(id);
    }
    const removed = due.sort(compareEntryIds).filter((id) => this.#removeEntry(id)).length;
    return { removed, waiting: this.#waiting.size };
  }

  /** See `StreamInspection.completeAfter`. */
  completeAfter(): EntryId {
    const trimmed = this.#trimmed();
    if (trimmed <= 0) return FIRST_ENTRY_ID;
    if (this.#floor?.trimmed === trimmed) return this.#floor.id;
    return this.#log.firstId ?? this.#log.lastId;
  }

  #removeEntry(id: EntryId): boolean {
    const isFirst = this.#log.firstId === id;
    if (!this.#log.remove(id)) return false;
    this.#removed += 1;
    if (isFirst) this.#floor = { id, trimmed: this.#trimmed() };
    return true;
  }

  #trimmed(): number {
    return this.#log.entriesAdded - this.#log.length - this.#removed;
  }
}
