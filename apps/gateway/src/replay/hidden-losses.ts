// Remembers the losses that this gateway found only after its clients had received later events. The positions that the clients
// received until then hide such a loss. Pure.
import { compareEntryIds, type EntryId } from '@millrace/broker';
import type { ClientStreamPosition } from './position-waiter.js';

/** The losses, of which only the newest of each stream is kept, because it hides in all positions in which an earlier one hides. */
export class HiddenLosses {
  /** Stream of the loss → cursors of this gateway in all streams when the loss was found. */
  readonly #found = new Map<string, ReadonlyMap<string, EntryId>>();

  /** Records that a stream had lost entries before these cursors. */
  note(stream: string, cursors: ReadonlyMap<string, EntryId>): void {
    this.#found.set(stream, cursors);
  }

  /** Forgets the loss of a stream that has begun again. The entry IDs from before and after that cannot be compared. */
  forget(stream: string): void {
    this.#found.delete(stream);
  }

  /**
   * True if a client with these positions may have received the events before and after a loss, but not the notice of it. If no stream
   * has moved since the loss was found, this is also true for a client that was notified. It then reloads once more.
   */
  areHiddenBy(positions: readonly ClientStreamPosition[]): boolean {
    return positions.some(({ stream, position, isFromStart = false }) => {
      const cursors = this.#found.get(stream);
      if (cursors === undefined || isFromStart) return false;
      const order = compareEntryIds(position.cursor, cursors.get(stream) ?? position.cursor);
      return order < 0 || (order === 0 && !positions.some((each) => isAfter(each, cursors)));
    });
  }
}

function isAfter({ stream, position }: ClientStreamPosition, cursors: ReadonlyMap<string, EntryId>): boolean {
  const cursor = cursors.get(stream);
  return cursor !== undefined && compareEntryIds(position.cursor, cursor) > 0;
}
