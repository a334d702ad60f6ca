// The part of the port `Broker` that keeps rejected entries. Each stream has a separate, bounded stream of dead letters.
import type { EntryId } from '../entries/entry-id.js';
import type { Entry, RangeOptions } from './entry-log.js';

/** An entry that is to be kept as a dead letter. @beta */
export interface RejectedEntry {
  readonly stream: string;
  readonly entry: Entry;
  readonly reason: string;
  readonly rejectedBy: string;
}

/**
 * A rejected entry as the store keeps it. Another process may have written an entry among the dead letters. Its readable
 * parts are shown.
 * @beta
 */
export interface DeadLetter {
  /** ID of the dead letter itself. Its milliseconds are the time of the rejection. */
  readonly id: EntryId;
  /** ID of the rejected entry. Empty if the ID is not recorded. */
  readonly originId: EntryId;
  readonly reason: string;
  readonly rejectedBy: string;
  /** The fields of the rejected entry. Empty if the fields cannot be read. */
  readonly fields: Readonly<Record<string, string>>;
  /** True if `fields` are the complete entry. Only then can it be appended again. */
  readonly isRequeueable: boolean;
}

/** The result of requeueing a dead letter. @beta */
export type RequeueResult =
  /** The entry is in its stream again, under the new ID `id`. The dead letter was removed. */
  | { readonly status: 'requeued'; readonly id: EntryId }
  /** There is no dead letter with this ID. It may have been dropped, requeued, or removed to make room for newer ones. */
  | { readonly status: 'not_found' }
  /** The fields of the entry are not known exactly. The dead letter stays. */
  | { readonly status: 'not_requeueable' };

/** The dead letters of all streams. */
export interface DeadLetterStore {
  /**
   * Copies a rejected entry to the stream's dead letters, whose number is capped. An entry is copied once, even if several
   * subscribers reject it.
   * @returns false if the entry was already rejected in the last `deadMarkMs`, or is erased
   */
  deadLetter(rejected: RejectedEntry): Promise<boolean>;

  /**
   * Resolves to those of `ids` whose entries any subscriber rejected in the last `deadMarkMs`. No client received these
   * entries. An ID is found even if its dead letter was removed later.
   */
  findRejected(stream: string, ids: readonly EntryId[]): Promise<ReadonlySet<EntryId>>;

  /**
   * Resolves to the dead letters of a stream within a range of their own IDs. To get the next page, pass the last ID of this
   * page as `after`. In the direction `backward`, pass `previousEntryId` of the last ID as `upTo`.
   */
  listDeadLetters(stream: string, options: RangeOptions): Promise<readonly DeadLetter[]>;

  /** Resolves to one dead letter, or to `undefined` if there is none with this ID. */
  readDeadLetter(stream: string, id: EntryId): Promise<DeadLetter | undefined>;

  /**
   * Appends the entry of a dead letter, unchanged, to its original stream, and removes the dead letter in the same step. A
   * repeated call appends nothing, because the dead letter is gone. Dedupe IDs are neither checked nor written. Readers
   * reject the entry again if it is still invalid.
   * @throws BrokerError `out_of_memory` if the store is full. Nothing was changed then
   */
  requeueDeadLetter(stream: string, id: EntryId): Promise<RequeueResult>;

  /** Removes dead letters permanently. @returns the number of dead letters that were removed */
  dropDeadLetters(stream: string, ids: readonly EntryId[]): Promise<number>;
}
