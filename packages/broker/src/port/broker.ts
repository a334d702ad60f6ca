// The port between Millrace and the store of its streams. The port has two implementations: `memory/` for one
// process, and `redis/` for several processes. The conformance suite in the testkit tests both of them. The
// methods of the port are atomic steps. The loops that call them (tail, heartbeat, ledger) are in
// `subscriber/`.
import type { ResolvedBrokerOptions } from '../options.js';
import type { Partitioning } from '../partitions/partitioning.js';
import type { AcknowledgementLedger } from './acknowledgement-ledger.js';
import type { CounterStore } from './counters.js';
import type { DeadLetterStore } from './dead-letter-store.js';
import type { EntryLog } from './entry-log.js';
import type { ErasureStore } from './erasure-store.js';
import type { PresenceStore } from './presence.js';
import type { RevocationStore } from './revocations.js';
import type { SubscriberRegistry } from './subscriber-registry.js';
import type { WindowStore } from './windows.js';

/**
 * State of the connection to the store. An `unavailable` broker reconnects by itself, with back-off and jitter, until it is
 * closed.
 * @beta
 */
export type BrokerState = 'idle' | 'connecting' | 'ready' | 'unavailable' | 'closed';

/**
 * Settings of the store that decide whether it keeps what it has confirmed. A value is `undefined` if the user lacks the
 * right to read it.
 * @beta
 */
export interface StoreSettings {
  /**
   * A full store with `noeviction` refuses writes. With any other policy, it evicts keys, which may be streams or dedupe IDs.
   */
  readonly evictionPolicy: string | undefined;
  /** False if a restart of the store loses its data. */
  readonly isPersistent: boolean | undefined;
  /** The reason why the store refuses every write now. Absent while it accepts them, and if the user may not look it up. */
  readonly refusesWritesFor?: 'memory' | 'disk' | undefined;
}

/**
 * Ordered streams of entries, with a ledger of the delivered entries. The parts of the port have their own files. This
 * interface adds what concerns the broker as a whole.
 *
 * Guarantees of every implementation:
 * - The IDs of a stream rise strictly. Every reader sees the entries of a stream in the same order.
 * - Each method is atomic per stream and settles within `commandTimeoutMs`. A blocking read may take `blockMs` longer.
 * - After an error whose `mayHaveHappened` is true, the outcome of a write is unknown. It is safe to repeat `append` with the
 *   same `dedupeId`s within `dedupeWindowMs`. The broker neither queues nor retries calls. The callers retry.
 * - No method rejects because another process wrote garbage into a stream. Garbage is returned as it is.
 * @beta
 */
export interface Broker extends EntryLog, SubscriberRegistry, AcknowledgementLedger, DeadLetterStore {
  readonly kind: 'redis' | 'memory';
  /** The options in force, with the defaults filled in. */
  readonly options: ResolvedBrokerOptions;
  readonly state: BrokerState;

  /**
   * The real streams, whose names the other methods accept; see `Partitioning`. `open` determines them. If neither the
   * options nor the store have a number of partitions, `register` determines them. Until then, all entries go into the plain
   * streams.
   */
  readonly partitioning: Partitioning;

  /**
   * The real streams in groups, each with its own reader. A read of one group never waits for another group, even if that
   * group fails. There is only one group if one server has all streams. The groups are determined together with
   * `partitioning`.
   */
  readonly readGroups: readonly (readonly string[])[];

  /** Coalescing windows that all processes with the same store share. */
  readonly windows: WindowStore;

  /** Erases entries of the streams. */
  readonly erasures: ErasureStore;

  /** Counts that all processes with the same store share. */
  readonly counters: CounterStore;

  /** The users in each room, for all processes with the same store. */
  readonly presence: PresenceStore;
  /** Access that was withdrawn from users, by stream. */
  readonly revocations: RevocationStore;

  /** Calls `listener` once after every change of `state`. Returns a function that removes the listener. */
  onStateChange(listener: (state: BrokerState, cause?: Error) => void): () => void;

  /**
   * Connects to the store.
   * @throws BrokerError `unavailable` when the store cannot be reached within `connectTimeoutMs`
   * @throws BrokerError `layout_differs` when a build with another layout has written to the store
   * @throws BrokerError `partitions_differ` when the store has another number of partitions than the options
   */
  open(): Promise<void>;

  /**
   * Waits until all running appends have finished, then closes every connection. Blocked reads reject with
   * `closed`. Idempotent.
   */
  close(): Promise<void>;

  /** Looks up whether the store keeps what it has confirmed. */
  storeSettings(): Promise<StoreSettings>;
}
