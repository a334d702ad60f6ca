// The part of the port that keeps the subscribers: how far each has read every stream, and which of them are alive.
import type { EntryId } from '../entries/entry-id.js';

/**
 * The epoch of a stream before its present one, where the stream kept a part of its entries: after a restart or a failover of the
 * store it has all entries up to some ID, and perhaps not the later ones.
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
   * have lost its end: IDs of two epochs cannot be compared, except those of `previousEpoch`. Between 1 and 16 of `0-9a-z`.
   */
  readonly epoch: string;
  readonly previousEpoch?: PreviousEpoch;
  /** The subscriber has not seen the entries after this one. */
  readonly cursor: EntryId;
  /** The newest ID ever given out; `0-0` in a new stream. */
  readonly lastId: EntryId;
  /** How many entries were ever appended. */
  readonly entriesAdded: number;
  /** Broker time, in milliseconds since 1970, with fractions where the broker has them. */
  readonly timeMs: number;
}

/** How far a subscriber has read a stream, as a heartbeat reports it. */
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

/** The answer of a heartbeat. The subscriber must act on every answer but `alive`. */
export type HeartbeatStatus =
  /** The cursor is known and the stream has not gone back. */
  | 'alive'
  /** The subscriber had been declared dead; its cursor is registered again as sent. Entries after it may be gone. */
  | 'revived'
  /**
   * Another server serves the stream, in a new epoch, and has every entry that the subscriber has read: its cursor holds. What the
   * subscriber had learnt about entries beyond its cursor does not.
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
  /** How many entries were ever appended. Compared with what a reader has counted, this shows a gap exactly. */
  readonly entriesAdded: number;
  readonly timeMs: number;
}

/** The registered subscribers and their cursors. */
export interface SubscriberRegistry {
  /**
   * Registers a subscriber at every stream, in one atomic step per stream: creates the stream, the group and the epoch
   * where missing and stores the subscriber's cursor. Where no other subscriber is live it starts after the last acknowledged
   * entry, so that it reads what was published while nothing listened; else at the newest entry. Stores the number of partitions
   * where the store has none. The answer leaves out a stream that the store refuses for good, for example a key of the wrong type.
   * @param streams only at these. @defaultValue every stream
   * @throws BrokerError `partitions_differ` as `open`; `refused` when the store refuses all of them
   */
  register(subscriber: string, streams?: readonly string[]): Promise<readonly StreamStart[]>;

  /** Removes the subscriber's cursors. They hold back acknowledging and trimming no longer. */
  unregister(subscriber: string): Promise<void>;

  /**
   * Reports how far a subscriber has read, as one step per stream. Due every `heartbeatMs`. The stream gets a new epoch when
   * the stream, its epoch or its count went back behind what the broker or the subscriber knew, and when another server
   * serves the stream than before. Then each subscriber proves that its cursor holds there (`moved`), or begins anew (`reset`).
   */
  heartbeat(
    subscriber: string,
    progress: ReadonlyMap<string, ReadProgress>,
  ): Promise<readonly HeartbeatReply[]>;

  /**
   * Shows every subscriber for 10 s which names (event types, for example) this one knows; an empty list takes them back at
   * once. Up to 1,000 names of up to 256 bytes.
   */
  announce(subscriber: string, names: readonly string[]): Promise<void>;

  /** Resolves to all names that are announced now, by any subscriber. */
  announced(): Promise<ReadonlySet<string>>;
}
