// The part of the port that keeps rejected entries: each stream has a bounded stream of dead letters beside it.
import type { EntryId } from '../entries/entry-id.js';
import type { Entry, RangeOptions } from './entry-log.js';

/** An entry to be kept as a dead letter. */
export interface RejectedEntry {
  readonly stream: string;
  readonly entry: Entry;
  readonly reason: string;
  readonly rejectedBy: string;
}

/** A rejected entry, as it is kept. Whatever another process wrote among the dead letters is shown where it can be read. */
export interface DeadLetter {
  /** ID of the dead letter itself; its time is that of the rejection. */
  readonly id: EntryId;
  /** ID of the entry that was rejected; empty where it is not recorded. */
  readonly originId: EntryId;
  readonly reason: string;
  readonly rejectedBy: string;
  /** The fields of the entry; empty where they cannot be read. */
  readonly fields: Readonly<Record<string, string>>;
  /** True when `fields` are the whole entry, so that it can be appended again. */
  readonly isRequeueable: boolean;
}

/** The result of requeueing a dead letter. */
export type RequeueResult =
  /** The entry stands in its stream again, under this new ID, and the dead letter is gone. */
  | { readonly status: 'requeued'; readonly id: EntryId }
  /** There is no such dead letter: never was, was dropped, pushed out by newer ones, or requeued before. */
  | { readonly status: 'not_found' }
  /** The fields of the entry are not known exactly; the dead letter stays. */
  | { readonly status: 'not_requeueable' };

/** The dead letters of all streams. */
export interface DeadLetterStore {
  /**
   * Copies a rejected entry to the stream's dead letters (capped), once per entry however many subscribers reject it.
   * @returns false when it was there already.
   */
  deadLetter(rejected: RejectedEntry): Promise<boolean>;

  /**
   * Resolves to those of these entries that were rejected in the last `deadMarkMs`, by any subscriber and whatever became of
   * their dead letters: no client was sent them.
   */
  findRejected(stream: string, ids: readonly EntryId[]): Promise<ReadonlySet<EntryId>>;

  /**
   * Resolves to a bounded range of a stream's dead letters, by their own IDs. The next page begins `after` the last one of a page,
   * backwards at `upTo: previousEntryId(last)`.
   */
  listDeadLetters(stream: string, options: RangeOptions): Promise<readonly DeadLetter[]>;

  /** Resolves to one dead letter; to `undefined` when it is not there. */
  readDeadLetter(stream: string, id: EntryId): Promise<DeadLetter | undefined>;

  /**
   * Appends a dead letter's entry, unchanged, to the stream it came from and removes the dead letter, as one step: a
   * repeat finds nothing and appends nothing. Dedupe IDs are neither asked nor written. An entry that is still not
   * valid is rejected again by its readers.
   * @throws BrokerError `out_of_memory` when the store is full; nothing was changed
   */
  requeueDeadLetter(stream: string, id: EntryId): Promise<RequeueResult>;

  /** Removes dead letters for good. @returns how many of these were there. */
  dropDeadLetters(stream: string, ids: readonly EntryId[]): Promise<number>;
}
