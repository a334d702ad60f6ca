// The part of the port `Broker` that appends entries to ordered streams and reads them. If an entry is sent again with the same
// dedupe ID, it is not appended again.
import type { EntryId } from '../entries/entry-id.js';
import type { BrokerError } from '../errors.js';
import type { WindowEnding } from './windows.js';

/** One entry of a stream. Its fields are texts, whose meaning `@millrace/contract` defines. */
export interface Entry {
  readonly id: EntryId;
  readonly fields: Readonly<Record<string, string>>;
  /**
   * `false` when a name or value contains bytes that are not UTF-8. In `fields`, U+FFFD replaces these bytes.
   * Left out otherwise.
   */
  readonly isUtf8?: false | undefined;
  /**
   * Length of the entry in the reply of the store, in bytes. Reading this property does not decode the fields. The memory broker
   * leaves it out.
   */
  readonly byteLength?: number;
}

/** An entry that is to be appended. */
export interface OutgoingEntry {
  readonly fields: Readonly<Record<string, string>>;
  /**
   * ID for deduplication: the entry is not appended if an entry with the same ID was appended in the last `dedupeWindowMs`. If left
   * out, the entry is always appended.
   */
  readonly dedupeId?: string | undefined;
  /**
   * True when the caller has just created `dedupeId`, so that no stream can have an entry with this ID. In
   * that case, the store records `dedupeId` without a lookup. Has no effect if there is no `dedupeId`.
   * @defaultValue false
   */
  readonly isNew?: boolean | undefined;
  /**
   * Inputs of a coalescing window that the entry ends. On a cluster, these inputs end shortly after the entry
   * is appended. Without a cluster, they end in the same step. A repeated entry ends no inputs.
   */
  readonly ends?: WindowEnding | undefined;
}

/** Receipt for an entry that is in its stream. */
export interface PublishReceipt {
  /** ID of the entry. For a repeated entry, the ID under which it was appended the first time. */
  readonly id: EntryId;
  readonly isDuplicate: boolean;
}

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
   * Appends entries to a stream in one step, in their order. Within `dedupeWindowMs`, only one entry per
   * `dedupeId` is appended. Resolves to one result per entry, in the same order. A receipt means that the
   * entry is in the stream. After the first error, no other entry is tried, so the remaining results are also
   * errors. The order of two concurrent calls is undefined.
   * @param entries 1 to 1,000 entries
   * @throws BrokerError `out_of_memory` when the store is full. In that case, nothing was appended
   */
  append(
    stream: string,
    entries: readonly OutgoingEntry[],
  ): Promise<readonly (PublishReceipt | BrokerError)[]>;

  /**
   * Resolves to the entries after the given cursors, the oldest first in each stream. Resolves to an empty
   * map if `blockMs` pass without a new entry, or if `signal` fires.
   *
   * On Redis each group of `readGroups` has its own connection, which allows one read at a time. A second
   * concurrent read of the same group rejects with `invalid_argument`. A read of several groups resolves to
   * the entries of the groups that work. The read rejects when no group has a new entry and at least one
   * group failed.
   */
  readAfter(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<ReadonlyMap<string, readonly Entry[]>>;

  /**
   * Resolves to up to `count` entries of a stream within a range of IDs. Entries that were removed from the stream are not
   * included.
   */
  readRange(stream: string, options: RangeOptions): Promise<readonly Entry[]>;
}
