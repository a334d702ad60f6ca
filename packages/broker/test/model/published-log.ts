// The expected state of one stream: every entry that was ever appended, and which of them were removed.
import { compareEntryIds, type EntryId } from '@millrace/broker';
import { present } from '@millrace/testkit';
import { promise } from './subject.js';

/** Records one epoch of a stream. `clear` begins the next epoch. */
export class PublishedLog {
  /** The IDs of all appended entries, in order. */
  #ids: EntryId[] = [];
  readonly #removed = new Set<EntryId>();

  get length(): number {
    return this.#ids.length;
  }

  append(id: EntryId): void {
    const newest = this.#ids.at(-1) ?? '0-0';
    promise(compareEntryIds(id, newest) > 0, () => `${id} does not come after ${newest}`);
    this.#ids.push(id);
  }

  remove(ids: readonly EntryId[]): void {
    for (const id of ids) this.#removed.add(id);
  }

  isRemoved(id: EntryId): boolean {
    return this.#removed.has(id);
  }

  clear(): void {
    this.#ids = [];
    this.#removed.clear();
  }

  /** The IDs of the entries that must be in the stream, the oldest first. */
  get retained(): readonly EntryId[] {
    return this.#ids.filter((id) => !this.#removed.has(id));
  }

  countUpTo(cursor: EntryId): number {
    const index = this.#ids.findIndex((id) => compareEntryIds(id, cursor) > 0);
    return index === -1 ? this.#ids.length : index;
  }

  /** Checks an entry that `reader` received: only removed entries may lie between `cursor` and `id`. */
  judgeNext(reader: string, cursor: EntryId, id: EntryId): void {
    promise(compareEntryIds(id, cursor) > 0, () => `${reader} read ${id} after ${cursor}`);
    for (let index = this.countUpTo(cursor); index < this.#ids.length; index += 1) {
      const next = present(this.#ids[index]);
      if (next === id) return;
      promise(this.#removed.has(next), () => `${reader} read ${id}, and ${next} before it was there`);
    }
    promise(false, () => `${reader} read ${id}, which was never published`);
  }
}
