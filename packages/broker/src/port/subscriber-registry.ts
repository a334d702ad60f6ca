// The part of the port `Broker` that registers subscribers. It records how far each of them has read every stream, and which
// of them are alive.
import type { EntryId } from '../entries/entry-id.js';

/**
 * The epoch of a stream before its present epoch, if the stream has kept entries of it. After a restart or failover, the
 * stream has all entries up to a certain ID. Later entries may be lost.
 * @beta
 */
export interface PreviousEpoch {
  readonly epoch: string;
  /** ID up to which both epochs have the same entries. Later entries of the previous epoch may be lost. */
  readonly upTo: EntryId;
}

/** The point at which a subscriber starts to read a stream, and the state of the stream at that moment. @beta */
export interface StreamStart {
  readonly stream: string;
  /**
   * Random text of 1 to 16 characters of `0-9a-z`. The epoch changes when the stream was lost or rewound. It also changes
   * when another server serves the stream, because that server may lack the newest entries. IDs of two epochs can be compared
   * only up to `previousEpoch.upTo`.
   */
  readonly epoch: string;
  readonly previousEpoch?: PreviousEpoch;
  /** ID after which the subscriber starts to read. */
  readonly cursor: EntryId;
  /** The newest ID that was ever given to an entry. `0-0` in a new stream. */
  readonly lastId: EntryId;
  /** Number of entries that were ever appended. */
  readonly entriesAdded: number;
  /** Broker time, in milliseconds since 1970, with fractions if the broker has them. */
  readonly timeMs: number;
}

/** The progress of a subscriber in one stream, as a heartbeat reports it. @beta */
export interface ReadProgress {
  /** The epoch in which the subscriber reads. */
  readonly epoch: string;
  readonly cursor: EntryId;
  /**
   * `entriesAdded` of the newest reply that the subscriber received. A lower number in the store proves that the stream was
   * rewound.
   */
  readonly entriesAdded: number;
  /**
   * `entryDigest` of the entry at the cursor, if the subscriber has read that entry. It lets another server check whether it
   * has the same entries up to the cursor.
   */
  readonly digest?: string;
}

/** The answer to a heartbeat. The subscriber must react to every answer except `alive`. @beta */
export type HeartbeatStatus =
  /** The cursor is registered and the stream was not rewound. */
  | 'alive'
  /** The subscriber had been declared dead. Its cursor was registered again. Entries after the cursor may have been removed. */
  | 'revived'
  /**
   * Another server, or a restarted one, serves the stream in a new epoch. It has every entry that the subscriber has read, so
   * the cursor stays valid. The subscriber must forget what it knows about later entries.
   */
  | 'moved'
  /** The stream was lost or rewound. It has a new epoch, and the subscriber's cursor is registered at the beginning. */
  | 'reset';

/** The state of one stream at the moment of a heartbeat, read in the same atomic step. @beta */
export interface HeartbeatReply {
  readonly stream: string;
  readonly status: HeartbeatStatus;
  readonly epoch: string;
  readonly previousEpoch?: PreviousEpoch;
  /** Registered cursor of the subscriber: the cursor that it sent, or `0-0` after a reset. */
  readonly cursor: EntryId;
  readonly lastId: EntryId;
  /**
   * Number of entries that were ever appended. Minus the number that a reader received, this is the exact number of lost
   * entries.
   */
  readonly entriesAdded: number;
  readonly timeMs: number;
}

/** The registered subscribers and their cursors. */
export interface SubscriberRegistry {
  /**
   * Registers a subscriber at every stream, in one atomic step per stream. Creates the stream, the group and the epoch if
   * they are missing, and stores the subscriber's cursor. The cursor is the newest entry if another subscriber is live.
   * Otherwise it is the last acknowledged entry, so that the subscriber reads the entries that were published while no
   * subscriber was running.
   *
   * Stores the number of partitions if the store has none. Leaves out streams that the store permanently refuses, for example
   * because a key has the wrong type.
   * @param streams the streams at which to register. @defaultValue every stream
   * @throws BrokerError `partitions_differ` if the store has another number of partitions than this broker
   * @throws BrokerError `refused` if the store refuses all of the streams
   */
  register(subscriber: string, streams?: readonly string[]): Promise<readonly StreamStart[]>;

  /** Removes the subscriber's cursors. They then hold back no acknowledgements and trims. */
  unregister(subscriber: string): Promise<void>;

  /**
   * Reports how far a subscriber has read, in one step per stream. A subscriber must send a heartbeat every `heartbeatMs`.
   *
   * A stream gets a new epoch when the store lost entries that the broker or the subscriber knew, and when another server
   * serves it. A subscriber keeps its cursor in the new epoch if it can prove that the cursor is valid (`moved`). Otherwise
   * it starts at the beginning (`reset`).
   */
  heartbeat(
    subscriber: string,
    progress: ReadonlyMap<string, ReadProgress>,
  ): Promise<readonly HeartbeatReply[]>;

  /**
   * Announces the names that a subscriber knows, such as event types, to all subscribers. An announcement lasts 10 s. An
   * empty list withdraws it at once. At most 1,000 names of at most 256 bytes each.
   */
  announce(subscriber: string, names: readonly string[]): Promise<void>;

  /** Resolves to all names that any subscriber announces at present. */
  announced(): Promise<ReadonlySet<string>>;
}
