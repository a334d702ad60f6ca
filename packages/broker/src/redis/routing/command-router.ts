// Sends commands to the server that holds their keys: one server, or the nodes of a cluster.
import type { Clock } from '@millrace/internal';
import type { EntryId } from '../../entries/entry-id.js';
import type { BrokerState } from '../../port/broker.js';
import type { Entry, ReadOptions } from '../../port/entry-log.js';
import type { ScriptCall } from '../calls/script-calls.js';
import type { SettlementOf } from '../connection/blocking-reader.js';

/** Options of every router. */
export interface RouterOptions {
  /** Names of connections in CLIENT LIST begin with it. */
  readonly clientName: string;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly clock: Clock;
  readonly settlementOf: SettlementOf;
  /** Called after changes of `state`; the same state may be reported twice. */
  readonly onStateChange: (state: BrokerState, cause?: Error) => void;
}

/**
 * Sends each command to the server of its key. Nothing is queued while that server is away, and nothing is repeated
 * that may have been executed. Every call settles within `commandTimeoutMs`, a read within `blockMs` more.
 */
export interface CommandRouter {
  /** `ready`: every server that is needed can be reached. */
  readonly state: BrokerState;

  /** True when keys may lie on different servers. Settled by `open`. */
  readonly isCluster: boolean;

  /** @throws BrokerError `unavailable` when that fails for `connectTimeoutMs`, `refused` when Redis refuses the connection */
  open(): Promise<void>;

  /** Declares these keys as needed from now on: a server that holds one of them counts for `state`. */
  need(keys: readonly string[]): void;

  command(key: string, args: readonly string[]): Promise<unknown>;

  /** Runs a script on the server of its first key. */
  run<T>(call: ScriptCall<T>): Promise<T>;

  /** @see Broker.readAfter */
  read(cursors: ReadonlyMap<string, EntryId>, options: ReadOptions): Promise<Map<string, readonly Entry[]>>;

  /** Streams that one read covers; each group has a connection of its own. */
  groups(streams: readonly string[]): readonly (readonly string[])[];

  /** Ends reads; writes continue until `close`. */
  closeReaders(): void;

  close(): void;
}
