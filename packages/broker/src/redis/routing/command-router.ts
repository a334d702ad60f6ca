// Sends commands to the server that holds their keys: one server, or the nodes of a cluster.
import type { Clock } from '@millrace/internal';
import type { EntryId } from '../../entries/entry-id.js';
import type { BrokerState } from '../../port/broker.js';
import type { Entry, ReadOptions } from '../../port/entry-log.js';
import type { ScriptCall } from '../calls/script-calls.js';
import type { SettlementOf } from '../connection/blocking-reader.js';

/** Options of every router. */
export interface RouterOptions {
  /** Prefix of the connections' names in CLIENT LIST. */
  readonly clientName: string;
  readonly connectTimeoutMs: number;
  readonly commandTimeoutMs: number;
  readonly clock: Clock;
  readonly settlementOf: SettlementOf;
  /** Called after `state` changes. The same state may be reported twice in a row. */
  readonly onStateChange: (state: BrokerState, cause?: Error) => void;
}

/**
 * Sends each command to the server of its key. Queues no commands while that server is unreachable. Never repeats a command
 * that may have been executed. Every call settles within `commandTimeoutMs`. A read may take `blockMs` longer.
 */
export interface CommandRouter {
  /** The state of the connections. `ready` means that every needed server can be reached. */
  readonly state: BrokerState;

  /** True when keys may be on different servers. Known after `open`. */
  readonly isCluster: boolean;

  /**
   * Connects.
   * @throws BrokerError `unavailable` if no attempt succeeds within `connectTimeoutMs`, or `refused` if Redis refuses the
   * connection
   */
  open(): Promise<void>;

  /** Sets the needed keys. `state` is `ready` only while the servers of these keys can be reached. */
  need(keys: readonly string[]): void;

  command(key: string, args: readonly string[]): Promise<unknown>;

  /** Runs a script on the server of its first key. */
  run<T>(call: ScriptCall<T>): Promise<T>;

  /** Reads the entries after the cursors, as `Broker.readAfter` does. */
  read(cursors: ReadonlyMap<string, EntryId>, options: ReadOptions): Promise<Map<string, readonly Entry[]>>;

  /** Divides the streams into groups. Each group is read over its own connection. */
  groups(streams: readonly string[]): readonly (readonly string[])[];

  /** Closes what was opened to read these streams. */
  leave(streams: readonly string[]): void;

  /** Returns a function for each server that holds keys. It sends a command to that server. */
  servers(): readonly ((args: readonly string[]) => Promise<unknown>)[];

  /** Ends all reads. Writes continue until `close`. */
  closeReaders(): void;

  close(): void;
}
