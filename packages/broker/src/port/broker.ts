// The port between Millrace and the store that carries its streams. Two implementations keep every promise
// written in this folder: `memory/` for one process, `redis/` for many. The conformance suite in the testkit judges both.
// The port offers atomic steps only; the loops over them (tail, heartbeat, ledger) are written once, in `subscriber/`.
import type { ResolvedBrokerOptions } from '../options.js';
import type { Partitioning } from '../partitions/partitioning.js';
import type { AcknowledgementLedger } from './acknowledgement-ledger.js';
import type { CounterStore } from './counters.js';
import type { DeadLetterStore } from './dead-letter-store.js';
import type { EntryLog } from './entry-log.js';
import type { SubscriberRegistry } from './subscriber-registry.js';
import type { WindowStore } from './windows.js';

/** `unavailable` ends without a call: the broker keeps trying, with back-off and jitter, until it is closed. */
export type BrokerState = 'idle' | 'connecting' | 'ready' | 'unavailable' | 'closed';

/**
 * Ordered streams of entries with a ledger of what has been delivered. The parts have their own files; what is here concerns
 * the broker as a whole.
 *
 * Guarantees of every implementation:
 * - IDs of one stream rise strictly; every reader sees the entries of a stream in the same order.
 * - Each method is atomic per stream and settles within `commandTimeoutMs` (a blocking read: `blockMs` more).
 * - A rejection with code `unavailable` leaves the outcome of a write unknown; repeating `append` with the same
 *   `dedupeId`s within `dedupeWindowMs` is safe. The broker neither queues nor repeats anything: callers own that.
 * - No method throws for what another process wrote; garbage in a stream is returned as it is.
 */
export interface Broker extends EntryLog, SubscriberRegistry, AcknowledgementLedger, DeadLetterStore {
  readonly kind: 'redis' | 'memory';
  /** The options in force, defaults filled in. */
  readonly options: ResolvedBrokerOptions;
  readonly state: BrokerState;

  /**
   * The real streams: every other method accepts their names. `open` settles them; where the options leave the number of
   * partitions to the store, `register` does at the latest. Until the store has a number, everything goes into the plain streams.
   */
  readonly partitioning: Partitioning;

  /**
   * The real streams in groups, each for one reader: a read of one group does not wait for the others, whatever is wrong with them.
   * One group where one server has all streams. Settled together with `partitioning`.
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

  /** Finishes the appends it accepted, then releases every connection; blocked reads end with `closed`. Idempotent. */
  close(): Promise<void>;

  /**
   * Resolves to the store's policy for full memory: `noeviction` (it refuses writes), or the name of a policy by which it evicts
   * keys, among them streams and dedupe IDs. `undefined` where this user may not look it up.
   */
  evictionPolicy(): Promise<string | undefined>;
}
