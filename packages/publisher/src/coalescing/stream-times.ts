// The time of streams, derived from the receipts of this process: for windows that are not in the broker.
import { compareEntryIds, type EntryId, entryIdMs, nextEntryId } from '@millrace/broker';

interface Receipt {
  readonly id: EntryId;
  readonly atMs: number;
}

/** A receipt is good for this long, in which clocks drift apart by less than a millisecond. */
const MAX_AGE_MS = 60_000;

/** Holds the newest receipt of each stream; as many as there are streams. */
export class StreamTimes {
  readonly #receipts = new Map<string, Receipt>();

  note(stream: string, id: EntryId, nowMs: number): void {
    this.#receipts.set(stream, { id, atMs: nowMs });
  }

  /**
   * The ID that an entry of the stream would have at `nowMs`: behind every receipt so far, and too early by the duration of one reply
   * at most. `undefined` when there was no receipt for a minute.
   */
  asOf(stream: string, nowMs: number): EntryId | undefined {
    const receipt = this.#receipts.get(stream);
    if (receipt === undefined || nowMs - receipt.atMs > MAX_AGE_MS) return undefined;
    const byTime = `${Math.floor(entryIdMs(receipt.id) + nowMs - receipt.atMs)}-0`;
    const behind = nextEntryId(receipt.id);
    return compareEntryIds(byTime, behind) < 0 ? behind : byTime;
  }
}
