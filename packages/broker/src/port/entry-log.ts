// The part of the port that appends entries to ordered streams and reads them. A repeated entry with the same dedupe ID is appended
// once.
import type { EntryId } from '../entries/entry-id.js';
import type { BrokerError } from '../errors.js';
import type { WindowEnding } from './windows.js';

/** One entry of a stream. Its fields are texts, whose meaning `@millrace/contract` defines. */
export interface Entry {
  readonly id: EntryId;
  readonly fields: Readonly<Record<string, string>>;
  /** `false` when a name or value holds bytes that are not UTF-8; `fields` has U+FFFD in their place. Left out otherwise. */
  readonly isUtf8?: false | undefined;
  /**
   * Length of the entry in the reply of the store, in bytes. It is known before the fields are read. The memory broker leaves it
   * out.
   */
  readonly byteLength?: number;
}

/** An entry that is to be appended. */
export interface OutgoingEntry {
  readonly fields: Readonly<Record<string, string>>;
  /**
   * ID for deduplication: an entry with an ID that was appended within `dedupeWindowMs` is not appended again. If left out, the
   * entry is always appended.
   */
  readonly dedupeId?: string | undefined;
  /**
   * Inputs of a coalescing window that the entry ends. On a cluster they end shortly after the entry is appended, otherwise in the
   * same step. A repeated entry ends no inputs.
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
  /** Maximum number of entries of each stream. */
  readonly count: number;
  /** Time to wait for a newer entry if no stream has one, in milliseconds. With 0 the read returns at once. */
  readonly blockMs: number;
  readonly signal?: AbortSignal;
}

export interface RangeOptions {
  /** Only entries after this ID (exclusive). */
  readonly after?: EntryId;
  /** Only entries up to this ID (inclusive). */
  readonly upTo?: EntryId;
  readonly count: number;
  /** Order of the entries: `backward` returns the newest first. @defaultValue 'forward' */
  readonly direction?: 'forward' | 'backward';
}

/** Ordered streams of entries. */
export interface EntryLog {
  /**
   * Appends entries to a stream in one step, in their order. Within `dedupeWindowMs`, one entry per `dedupeId` is appended.
   * Resolves to one result per entry, in the same order. A receipt means that the entry is in the stream. After the first error no
   * further entry was tried, so the remaining results are errors too. The order of two calls at the same time is undefined.
   * @param entries 1 to 1,000 entries
   * @throws BrokerError `out_of_memory` when the store is full; nothing was appended
   */
  append(
    stream: string,
    entries: readonly OutgoingEntry[],
  ): Promise<readonly (PublishReceipt | BrokerError)[]>;

  /**
   * Resolves to the entries after the given cursors, the oldest first in each stream. Resolves to an empty map when `blockMs` has
   * passed or `signal` has fired.
   *
   * On Redis each group of `readGroups` has its own connection, which allows one read at a time. A second read of the group rejects
   * with `invalid_argument`. A read of several groups resolves to the entries of the groups that work. It rejects when no group has
   * a new entry and at least one group failed.
   */
  readAfter(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<ReadonlyMap<string, readonly Entry[]>>;

  /** Resolves to up to `count` of the entries that a stream still holds, within a range of IDs. */
  readRange(stream: string, options: RangeOptions): Promise<readonly Entry[]>;
}
