// The part of the port that writes and reads entries: ordered streams, each entry at most once per dedupe ID.
import type { EntryId } from '../entries/entry-id.js';
import type { BrokerError } from '../errors.js';
import type { WindowEnding } from './windows.js';

/** One entry as it stands in a stream. Its fields are text; their meaning is the contract's business. */
export interface Entry {
  readonly id: EntryId;
  readonly fields: Readonly<Record<string, string>>;
  /** `false`: a name or value holds bytes that are not UTF-8, for which U+FFFD stands in `fields`. Left out: all is text. */
  readonly isUtf8?: false | undefined;
  /** Length of the entry in the reply of the store, known before its fields are read. A store without replies leaves it out. */
  readonly byteLength?: number;
}

/** An entry to be appended. */
export interface OutgoingEntry {
  readonly fields: Readonly<Record<string, string>>;
  /** Appending the same ID again within `dedupeWindowMs` appends nothing. Left out: no dedupe. */
  readonly dedupeId?: string | undefined;
  /** Inputs of a coalescing window that the entry ends, in the step that appends it. A repeat ends nothing. */
  readonly ends?: WindowEnding | undefined;
}

/** Receipt for an entry that is in its stream. */
export interface PublishReceipt {
  /** The entry's ID; for a repeat, the ID of the entry that was appended the first time. */
  readonly id: EntryId;
  readonly isDuplicate: boolean;
}

export interface ReadOptions {
  /** At most this many entries of each stream. */
  readonly count: number;
  /** How long to wait while no stream has a newer entry; 0 returns at once. */
  readonly blockMs: number;
  readonly signal?: AbortSignal;
}

export interface RangeOptions {
  /** Only entries after this ID (exclusive). */
  readonly after?: EntryId;
  /** Only entries up to this ID (inclusive). */
  readonly upTo?: EntryId;
  readonly count: number;
  /** Newest first with `backward`. @defaultValue 'forward' */
  readonly direction?: 'forward' | 'backward';
}

/** Ordered streams of entries. */
export interface EntryLog {
  /**
   * Appends entries to a stream in one step, in their order, each once per `dedupeId` within `dedupeWindowMs`. Resolves to one
   * result per entry, in the same order: a receipt, which means that the entry is in the stream, or an error, after which no
   * further entry was tried. Two calls that are under way at the same time have no order.
   * @param entries 1 to 1,000 of them
   * @throws BrokerError `out_of_memory` when the store is full; nothing was appended
   */
  append(
    stream: string,
    entries: readonly OutgoingEntry[],
  ): Promise<readonly (PublishReceipt | BrokerError)[]>;

  /**
   * Resolves to the entries after the given cursors, oldest first per stream; to none when `blockMs` passed or `signal` fired.
   * On Redis each group of `readGroups` has a connection of its own: one read of a group at a time, a second one is an
   * `invalid_argument`. A read over several groups resolves to the entries of the groups that work; it rejects when none of them
   * has a new entry and one failed.
   */
  readAfter(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<ReadonlyMap<string, readonly Entry[]>>;

  /** Resolves to a bounded range of a stream's retained entries. */
  readRange(stream: string, options: RangeOptions): Promise<readonly Entry[]>;
}
