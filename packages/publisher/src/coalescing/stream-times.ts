// Estimates the ID that a new entry of a stream would get, from the publish receipts of this process. Windows outside the
// broker need this estimate.
import { compareEntryIds, type EntryId, entryIdMs, nextEntryId } from '@millrace/broker';

interface Receipt {
  readonly id: EntryId;
  readonly atMs: number;
}

/** Maximum age of a receipt. Clocks drift apart by less than a millisecond in this time. */
const MAX_AGE_MS = 60_000;

/** Keeps the newest receipt of each stream. */
export class StreamTimes {
  readonly #receipts = new Map<string, Receipt>();

  note(stream: string, id: EntryId, nowMs: number): void {
    this.#receipts.set(stream, { id, atMs: nowMs });
  }

  /**
   * Returns the ID that a new entry of the stream would get at `nowMs`. It is higher than the IDs of all receipts so far. Its
   * time may be too early, by at most the duration of one reply. Returns `undefined` if there was no receipt for a minute.
   */
  asOf(stream: string, nowMs: number): EntryId | undefined {
    const receipt = this.#receipts.get(stream);
    if (receipt === undefined || nowMs - receipt.atMs > MAX_AGE_MS) return undefined;
    const byTime = `${Math.floor(entryIdMs(receipt.id) + nowMs - receipt.atMs)}-0`;
    const behind = nextEntryId(receipt.id);
    return compareEntryIds(byTime, behind) < 0 ? behind : byTime;
  }
}
