// The port between Millrace and the store that carries its streams. Two implementations keep every promise
// written here: `memory/` for one process, `redis/` for many. The conformance suite in the testkit judges both.
// The port offers atomic steps only; the loops over them (tail, heartbeat, ledger) are written once, in `subscriber/`.

import type { EntryId } from '../entries/entry-id.js';
import type { BrokerError } from '../errors.js';
import type { ResolvedBrokerOptions } from '../options.js';
import type { Partitioning } from '../partitions/partitioning.js';
import type { CounterStore } from './counters.js';
import type { WindowEnding, WindowStore } from './windows.js';

export type { EntryId } from '../entries/entry-id.js';

/** One entry as it stands in a stream. Fields are text; what they mean is the contract's business. */
export interface Entry {
  readonly id: EntryId;
  readonly fields: Readonly<Record<string, string>>;
  /** `false`: a name or value holds bytes that are not UTF-8, for which U+FFFD stands in `fields`. Left out: all is text. */
  readonly isUtf8?: false | undefined;
  /** Length of the entry in the reply of the store, known before anything of it is read; left out by a store without replies. */
  readonly byteLength?: number;
}

/** An entry to be appended. */
export interface OutgoingEntry {
  readonly fields: Readonly<Record<string, string>>;
  /** Appending the same ID again within the dedupe window appends nothing. Left out: no dedupe. */
  readonly dedupeId?: string | undefined;
  /** Inputs that it ends, in the step that appends it. A repeat ends nothing. */
  readonly ends?: WindowEnding | undefined;
}

/** Receipt for an entry that is in its stream. */
export interface PublishReceipt {
  /** The entry's ID; for a repeat, the ID of the entry that was appended the first time. */
  readonly id: EntryId;
  readonly isDuplicate: boolean;
}

/**
 * The life of a stream before its present one, where a part of it goes on: after a restart or a failover of the store
 * the stream has what it had up to some entry, and perhaps not what came later.
 */
export interface PreviousEpoch {
  readonly epoch: string;
  /** Both epochs have the same entries up to this one; later entries of the previous epoch may be lost. */
  readonly upTo: EntryId;
}

/** Where a subscriber starts to read a stream. */
export interface StreamStart {
  readonly stream: string;
  /**
   * Random text that changes whenever the stream was lost or rewound, and whenever another server serves it, which may
   * have lost its end: IDs of two epochs cannot be compared, but for those of `previousEpoch`. Between 1 and 16 of `0-9a-z`.
   */
  readonly epoch: string;
  readonly previousEpoch?: PreviousEpoch;
  /** Entries after this one have not been seen. */
  readonly cursor: EntryId;
  /** The newest ID ever given out; `0-0` in a new stream. */
  readonly lastId: EntryId;
  /** How many entries were ever appended. */
  readonly entriesAdded: number;
  /** Broker time, in milliseconds since 1970, with fractions where the broker has them. */
  readonly timeMs: number;
}

/** How far a subscriber has read a stream, and what it knows of it. Sent with a heartbeat. */
export interface ReadProgress {
  /** The epoch the subscriber reads in. */
  readonly epoch: string;
  readonly cursor: EntryId;
  /** `entriesAdded` of the newest reply the subscriber had: a lower figure shows that the stream was rewound. */
  readonly entriesAdded: number;
  /**
   * `entryDigest` of the entry at the cursor, where the subscriber has read it: proves to another server that both have
   * the same entries up to there.
   */
  readonly digest?: string;
}

/** What a heartbeat found. `alive`: all is well. Every other answer means that the subscriber must act. */
export type HeartbeatStatus =
  /** The cursor is known and the stream has not gone back. */
  | 'alive'
  /** The subscriber had been declared dead; its cursor is registered again as sent. Entries after it may be gone. */
  | 'revived'
  /**
   * Another server serves the stream, in a new epoch, and has all that the subscriber has read: its cursor holds. What it
   * knew of entries beyond its cursor does not.
   */
  | 'moved'
  /** The stream was lost or rewound: it has a new epoch, and the subscriber's cursor is registered at its beginning. */
  | 'reset';

/** The state of one stream at the moment of a heartbeat, read in the same atomic step. */
export interface HeartbeatReply {
  readonly stream: string;
  readonly status: HeartbeatStatus;
  readonly epoch: string;
  readonly previousEpoch?: PreviousEpoch;
  /** The subscriber's cursor as registered now: the one it sent, or `0-0` after a reset. */
  readonly cursor: EntryId;
  readonly lastId: EntryId;
  /** How many entries were ever appended. With what a reader has counted, this shows a gap exactly. */
  readonly entriesAdded: number;
  readonly timeMs: number;
}

/** Which slot somebody would like to have. */
export interface SlotWish {
  /** Taken when free. */
  readonly preferred?: number;
  /**
   * Name under which the owner runs, the same over restarts; kept with the slot. A slot that somebody claimed under this
   * name before is taken over at once, held or not: the one before it is a process that ended.
   */
  readonly instance?: string;
  /**
   * The owner had a slot before. Nothing is taken over then, or two live processes of one name would take the slot from
   * each other for ever. @defaultValue false
   */
  readonly isRenewal?: boolean;
}

/** A slot and who else holds one, so that subscribers can divide the streams among them. */
export interface SlotClaim {
  readonly slot: number;
  /** Every slot held now, rising; contains `slot`. */
  readonly heldSlots: readonly number[];
}

/** Proof that a subscriber may account for a stream. A higher fence makes all lower ones void. */
export interface Lease {
  readonly stream: string;
  readonly owner: string;
  readonly fence: number;
}

/** What one acknowledgement pass is to do. */
export interface LedgerPass {
  /** Name of the consumer that takes the new entries. */
  readonly consumer: string;
  /** At most this many entries are consumed, and as many acknowledged. */
  readonly count: number;
  /**
   * The lease owner's own cursor, newer than its last heartbeat. Left out: the registered one counts. It is
   * believed only while the owner is registered.
   */
  readonly cursor?: EntryId;
}

/** What one acknowledgement pass did. `fenced`: the lease is no longer held; nothing was touched. */
export type LedgerPassResult =
  | { readonly status: 'fenced' }
  | {
      readonly status: 'done';
      /** Entries moved to Consumed by this pass. */
      readonly consumed: number;
      /** Entries moved to Acknowledged by this pass. */
      readonly acknowledged: number;
      /** Subscribers that were declared dead by this pass. */
      readonly declaredDead: readonly string[];
    };

/** What one trim did. */
export type TrimResult =
  | { readonly status: 'fenced' }
  | {
      readonly status: 'trimmed';
      /** Acknowledged entries removed. */
      readonly removed: number;
      /** Entries removed beyond the hard cap that nobody had acknowledged. */
      readonly expired: number;
    };

/** Figures of one stream, for metrics and for people. */
export interface StreamInspection {
  readonly stream: string;
  readonly length: number;
  readonly entriesAdded: number;
  readonly firstId: EntryId | undefined;
  readonly lastId: EntryId;
  /** Entries that the group has not consumed yet. */
  readonly unconsumed: number;
  /** Entries consumed and not yet acknowledged. */
  readonly pending: number;
  readonly oldestPendingId: EntryId | undefined;
  /** Entries ever cut by the hard cap before they were acknowledged. */
  readonly expired: number;
  readonly deadLetters: number;
  readonly timeMs: number;
}

/** A rejected entry, as it is kept. What another process wrote among the dead letters is shown as far as it makes sense. */
export interface DeadLetter {
  /** Of the dead letter itself; its time is that of the rejection. */
  readonly id: EntryId;
  /** Of the entry that was rejected; empty where nobody wrote it down. */
  readonly originId: EntryId;
  readonly reason: string;
  readonly rejectedBy: string;
  /** What the entry held; empty where that cannot be read. */
  readonly fields: Readonly<Record<string, string>>;
  /** Whether `fields` are the whole entry, so that it can be appended again. */
  readonly isRequeueable: boolean;
}

/** What became of a dead letter that was to be requeued. */
export type RequeueResult =
  /** The entry stands in its stream again, under this new ID, and the dead letter is gone. */
  | { readonly status: 'requeued'; readonly id: EntryId }
  /** There is no such dead letter: never was, was dropped, pushed out by newer ones, or requeued before. */
  | { readonly status: 'not_found' }
  /** Nobody knows any more what the entry held; the dead letter stays. */
  | { readonly status: 'not_requeueable' };

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
  /** Newest first. @defaultValue 'forward' */
  readonly direction?: 'forward' | 'backward';
}

/** `unavailable` heals by itself: the broker keeps trying, with back-off and jitter, until it is closed. */
export type BrokerState = 'idle' | 'connecting' | 'ready' | 'unavailable' | 'closed';

/**
 * Ordered streams of entries with a ledger of what has been delivered.
 *
 * Guarantees of every implementation:
 * - IDs of one stream rise strictly; every reader sees the entries of a stream in the same order.
 * - Each method is atomic per stream and settles within `commandTimeoutMs` (a blocking read: `blockMs` more).
 * - A rejection with code `unavailable` leaves the outcome of a write unknown; repeating `append` with the same
 *   `dedupeId`s within `dedupeWindowMs` is safe. The broker queues and repeats nothing by itself: callers own that.
 * - No method throws for what another process wrote; garbage in a stream is returned as it is.
 */
export interface Broker {
  readonly kind: 'redis' | 'memory';
  /** The options in force, defaults filled in. */
  readonly options: ResolvedBrokerOptions;
  readonly state: BrokerState;

  /**
   * The real streams: every other method accepts their names. Settled by `open`, where the options leave the number of partitions to
   * the store by `register` at the latest; until the store has a number, everything goes into the plain streams.
   */
  readonly partitioning: Partitioning;

  /**
   * The real streams in groups, each for one reader: a read of one group does not wait for the others, whatever is wrong with them.
   * One group where one server has all streams. Settled as `partitioning` is.
   */
  readonly readGroups: readonly (readonly string[])[];

  /** Coalescing windows that all processes on this broker share. */
  readonly windows: WindowStore;

  /** Counts that all processes on this broker share. */
  readonly counters: CounterStore;

  /** Calls `listener` after every change of `state`, once per change. Returns a function that ends it. */
  onStateChange(listener: (state: BrokerState, cause?: Error) => void): () => void;

  /**
   * Connects. Rejects when the broker cannot be reached within `connectTimeoutMs` (code `unavailable`).
   * @throws BrokerError `layout_differs` when a build with another layout has written to the store
   * @throws BrokerError `partitions_differ` when the store has another number of partitions than the options
   */
  open(): Promise<void>;

  /**
   * Finishes the appends it accepted, then releases every connection; blocked reads end with `closed`. Idempotent.
   */
  close(): Promise<void>;

  /**
   * Appends entries to a stream in one step, in their order, each once per `dedupeId` within `dedupeWindowMs`. One result per
   * entry, in the same order: a receipt, which means that the entry is in the stream, or an error, behind which none was tried. Two
   * calls that are under way at the same time have no order.
   * @param entries 1 to 1,000 of them
   * @throws BrokerError `out_of_memory` when the store is full; nothing was appended
   */
  append(
    stream: string,
    entries: readonly OutgoingEntry[],
  ): Promise<readonly (PublishReceipt | BrokerError)[]>;

  /**
   * Registers a subscriber at every stream, in one atomic step per stream: creates the stream, the group and the epoch
   * where missing and stores the subscriber's cursor. It starts after the last acknowledged entry where no other subscriber
   * is live (so what was published while nobody listened is read), else at the newest entry. Stores the number of partitions
   * where the store has none. A stream that the store refuses for good (a key of the wrong type, say) is left out of the answer.
   * @param streams only at these. @defaultValue every stream
   * @throws BrokerError `partitions_differ` as `open`; `refused` when the store refuses all of them
   */
  register(subscriber: string, streams?: readonly string[]): Promise<readonly StreamStart[]>;

  /** Removes the subscriber's cursors. What it had not passed is held back no longer. */
  unregister(subscriber: string): Promise<void>;

  /**
   * Reports how far a subscriber has read, as one step per stream. Due every `heartbeatMs`. A new epoch is given when
   * the stream, its epoch or its count went back behind what the broker or the subscriber knew, and when another server
   * serves the stream than before. Then each subscriber proves that its cursor holds there (`moved`), or begins anew.
   */
  heartbeat(
    subscriber: string,
    progress: ReadonlyMap<string, ReadProgress>,
  ): Promise<readonly HeartbeatReply[]>;

  /**
   * Entries after the given cursors, oldest first per stream; empty when `blockMs` passed or `signal` fired.
   * On Redis a group has a connection of its own: one read of a group at a time, a second one is an `invalid_argument`. A read over
   * several groups brings what the working ones have; it rejects when none has news and one failed.
   */
  readAfter(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<ReadonlyMap<string, readonly Entry[]>>;

  /** A bounded piece of a stream's retained entries. */
  readRange(stream: string, options: RangeOptions): Promise<readonly Entry[]>;

  /**
   * Claims the lowest free slot (1, 2, …) for `owner`, or renews the one it holds. A slot is free when its lease
   * is older than `leaseMs`. The consumer of slot N is `signalr-instance-N`.
   */
  claimSlot(owner: string, wish?: SlotWish): Promise<SlotClaim>;

  releaseSlot(owner: string): Promise<void>;

  /** Takes or renews the lease of a stream. `undefined`: another live owner has it. */
  acquireLease(stream: string, owner: string): Promise<Lease | undefined>;

  releaseLease(lease: Lease): Promise<void>;

  /**
   * One acknowledgement pass, as `consumer`: reads up to `count` new entries into the group (Consumed), then
   * acknowledges pending entries, whoever consumed them, up to the smallest cursor of the live subscribers. With no live
   * subscriber, or when the lease's owner is not live itself, it acknowledges nothing. Subscribers whose heartbeat is older
   * than `livenessMs`, or whose cursor has stood still before the end for as long, are declared dead: their cursors
   * are removed. After a pause of the broker every subscriber has one `livenessMs` of grace. Recreates a missing group at
   * the smallest known cursor.
   */
  runLedgerPass(lease: Lease, pass: LedgerPass): Promise<LedgerPassResult>;

  /**
   * Removes entries that are acknowledged, beyond the stream's `maxLength` and older than `minAgeMs`. Beyond the
   * hard cap entries go in any case, and those not acknowledged are counted as expired.
   */
  trim(lease: Lease): Promise<TrimResult>;

  /**
   * Copies a rejected entry to the stream's dead letters (capped), once per entry whoever rejects it.
   * @returns false when it was there already.
   */
  deadLetter(letter: {
    readonly stream: string;
    readonly entry: Entry;
    readonly reason: string;
    readonly rejectedBy: string;
  }): Promise<boolean>;

  /**
   * Which of these entries were rejected in the last `deadMarkMs`, by whomever and whatever became of their dead letters: no
   * client was sent them.
   */
  findRejected(stream: string, ids: readonly EntryId[]): Promise<ReadonlySet<EntryId>>;

  /**
   * A bounded piece of a stream's dead letters, by their own IDs. The next page begins `after` the last one of a page,
   * backwards at `upTo: previousEntryId(last)`.
   */
  listDeadLetters(stream: string, options: RangeOptions): Promise<readonly DeadLetter[]>;

  /** One dead letter; `undefined` when it is not there. */
  readDeadLetter(stream: string, id: EntryId): Promise<DeadLetter | undefined>;

  /**
   * Appends a dead letter's entry, unchanged, to the stream it came from and removes the dead letter, as one step: a
   * repeat finds nothing and appends nothing. Dedupe IDs are neither asked nor written. An entry that is still not
   * valid is rejected again by whoever reads it.
   * @throws BrokerError `out_of_memory` when the store is full; nothing was changed
   */
  requeueDeadLetter(stream: string, id: EntryId): Promise<RequeueResult>;

  /** Removes dead letters for good. @returns how many of these were there. */
  dropDeadLetters(stream: string, ids: readonly EntryId[]): Promise<number>;

  inspect(stream: string): Promise<StreamInspection>;

  /**
   * Lets every subscriber know for 10 s which names (of event types, say) this one knows; an empty list takes them back at once. Up to
   * 1,000 names of up to 256 bytes.
   */
  announce(subscriber: string, names: readonly string[]): Promise<void>;

  /** All names that are announced now, by whomever. */
  announced(): Promise<ReadonlySet<string>>;

  /**
   * Resolves to the store's policy for full memory: `noeviction` (it refuses writes), or the name of one by which it throws keys away,
   * streams and what is remembered against repeats among them. `undefined` where this user may not look it up.
   */
  evictionPolicy(): Promise<string | undefined>;
}
