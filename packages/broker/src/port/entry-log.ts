// The part of the port `Broker` that appends entries to ordered streams and reads them. An entry that is sent again with the
// same dedupe ID is not appended again.
import type { EntryId } from '../entries/entry-id.js';
import type { BrokerError } from '../errors.js';
import type { WindowEnding } from './windows.js';

/** One entry of a stream. Its fields are texts, whose meaning `@millrace/contract` defines. @beta */
export interface Entry {
  readonly id: EntryId;
  readonly fields: Readonly<Record<string, string>>;
  /**
   * `false` if a name or value contains bytes that are not UTF-8. U+FFFD replaces these bytes in `fields`. Left out
   * otherwise.
   */
  readonly isUtf8?: false | undefined;
  /**
   * Length of the entry in the store's reply, in bytes. Reading it does not decode the fields. The memory broker leaves it
   * out.
   */
  readonly byteLength?: number;
}

/** An entry that is to be appended. @beta */
export interface OutgoingEntry {
  readonly fields: Readonly<Record<string, string>>;
  /**
   * ID for deduplication. The entry is not appended if an entry with the same ID was appended in the last `dedupeWindowMs`.
   * Without an ID, the entry is always appended.
   */
  readonly dedupeId?: string | undefined;
  /**
   * True if the caller has just created `dedupeId`, so that no stream can have an entry with this ID. The store then records
   * `dedupeId` without a lookup. Has no effect without a `dedupeId`.
   * @defaultValue false
   */
  readonly isNew?: boolean | undefined;
  /**
   * Inputs of a coalescing window that the entry ends. They end in the step that appends the entry, or on a cluster shortly
   * after it. A repeated entry ends no inputs.
   */
  readonly ends?: WindowEnding | undefined;
}

/** Receipt for an entry that is in its stream. @beta */
export interface PublishReceipt {
  /** ID of the entry. For a repeated entry, the ID under which it was appended the first time. */
  readonly id: EntryId;
  readonly isDuplicate: boolean;
}

/** Options of a read. @beta */
export interface ReadOptions {
  /** Maximum number of entries to read from each stream. */
  readonly count: number;
  /**
   * Time to wait for a newer entry if no stream has one, in milliseconds. With 0, the read returns
   * immediately.
   */
  readonly blockMs: number;
  readonly signal?: AbortSignal;
}

/** Options of the read of a range. @beta */
export interface RangeOptions {
  /** ID after which the range begins (exclusive). */
  readonly after?: EntryId;
  /** ID at which the range ends (inclusive). */
  readonly upTo?: EntryId;
  readonly count: number;
  /** Order of the entries: `backward` returns the newest first. @defaultValue 'forward' */
  readonly direction?: 'forward' | 'backward';
}

/** Ordered streams of entries. */
export interface EntryLog {
  /**
   * Appends entries to a stream in one step, in their order. Only one entry per `dedupeId` is appended within
   * `dedupeWindowMs`. The order of two concurrent calls is undefined.
   *
   * Resolves to one result per entry, in the same order. A receipt means that the entry is in the stream. No entry after the
   * first error is tried, so all results after it are errors, too.
   * @param entries 1 to 1,000 entries
   * @throws BrokerError `out_of_memory` if the store is full. Nothing was appended then
   */
  append(
    stream: string,
    entries: readonly OutgoingEntry[],
  ): Promise<readonly (PublishReceipt | BrokerError)[]>;

  /**
   * Resolves to the entries after the given cursors, the oldest first in each stream. Resolves to an empty map if `blockMs`
   * pass without a new entry, or if `signal` fires.
   *
   * On Redis, each group of `readGroups` has its own connection, which allows one read at a time. A second concurrent read of
   * the group rejects with `invalid_argument`. A read of several groups resolves to the entries of the groups that work. It
   * rejects if at least one group failed and no other has a new entry.
   */
  readAfter(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<ReadonlyMap<string, readonly Entry[]>>;

  /** Resolves to up to `count` entries of a stream within a range of IDs. Entries that were removed are missing. */
  readRange(stream: string, options: RangeOptions): Promise<readonly Entry[]>;
}
