// Remembers erased entries. For a moment after its control entry, an erased entry may still be in its stream or in an array
// that is about to be sent.
import type { EntryId } from '@millrace/broker';
import type { ErasedEntry } from '@millrace/contract';
import { OldestFirstMap } from '@millrace/internal';

// Maximum number of remembered entries. Above it, the entry that was erased first is forgotten. That is safe: erased entries
// leave their streams within seconds.
const maxEntries = 100_000;

/** The entries that this gateway knows to be erased. */
export class ErasedEntries {
  /** `stream entryId` → ID of the event, or an empty text. */
  readonly #entries = new OldestFirstMap<string, string>();
  /** Event ID → number of its entries in `#entries`. */
  readonly #eventIds = new Map<string, number>();
  #count = 0;

  /** Number of entries that were ever erased. Callers compare it to notice new erasures. */
  get count(): number {
    return this.#count;
  }

  add(stream: string, entries: readonly ErasedEntry[]): void {
    for (const { id, eventId = '' } of entries) {
      const key = `${stream} ${id}`;
      this.#forget(key);
      this.#entries.set(key, eventId);
      this.#count += 1;
      if (eventId !== '') this.#eventIds.set(eventId, (this.#eventIds.get(eventId) ?? 0) + 1);
      const oldest = this.#entries.size > maxEntries ? this.#entries.oldest() : undefined;
      if (oldest !== undefined) this.#forget(oldest[0]);
    }
  }

  has(stream: string, id: EntryId): boolean {
    return this.#entries.get(`${stream} ${id}`) !== undefined;
  }

  hasEvent(eventId: string): boolean {
    return this.#eventIds.has(eventId);
  }

  #forget(key: string): void {
    const eventId = this.#entries.get(key);
    this.#entries.delete(key);
    if (eventId === undefined || eventId === '') return;
    const left = (this.#eventIds.get(eventId) ?? 0) - 1;
    if (left > 0) this.#eventIds.set(eventId, left);
    else this.#eventIds.delete(eventId);
  }
}
