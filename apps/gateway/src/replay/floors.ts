// Floors of streams: the newest entries that were evicted from the replay ring.
import { compareEntryIds, type EntryId } from '@millrace/broker';

/** The newest evicted entry of each stream, and the sequence number of the newest evicted event of all streams. */
export class Floors {
  // Created on first use, because most tenants never lose an event before it is too old.
  #ids: Map<string, EntryId> | undefined;
  #sequence = 0;

  /** Sequence number of the newest evicted event. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Returns the floor of a stream, or `undefined` if it has none. */
  get(stream: string): EntryId | undefined {
    return this.#ids?.get(stream);
  }

  /** Sets the floor of a stream, even if it was higher before. */
  set(stream: string, id: EntryId): void {
    this.#ids ??= new Map();
    this.#ids.set(stream, id);
  }

  delete(stream: string): void {
    this.#ids?.delete(stream);
  }

  /** Raises the floor of a stream to an evicted entry. */
  raise(stream: string, id: EntryId, sequence: number): void {
    const floor = this.#ids?.get(stream);
    if (floor === undefined || compareEntryIds(floor, id) < 0) this.set(stream, id);
    if (sequence > this.#sequence) this.#sequence = sequence;
  }

  /** Raises each floor to the floor of the same stream in `other`, if that floor is higher. */
  raiseAll(other: Floors): void {
    for (const [stream, id] of other.#ids ?? []) this.raise(stream, id, other.#sequence);
    this.#sequence = Math.max(this.#sequence, other.#sequence);
  }
}
