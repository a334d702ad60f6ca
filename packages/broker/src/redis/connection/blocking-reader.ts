// Runs blocking reads on a connection of their own. Any other command on it would have to wait for the end of the read.
import { invalid } from '../../arguments.js';
import type { EntryId } from '../../entries/entry-id.js';
import { BrokerError, toBrokerError } from '../../errors.js';
import type { Entry, ReadOptions } from '../../port/entry-log.js';
import { asStreams } from '../calls/replies.js';
import type { RedisConnection } from './redis-connection.js';

/** Ends the blocking read of the client with this ID, from another connection. */
export type Unblock = (clientId: string) => Promise<unknown>;

/** The server that last answered a heartbeat or registration for a stream, and when it answered. */
export interface Settlement {
  /** The run of the server: its `run_id`, or a marker (see `restart-markers.ts`). */
  readonly runId: string;
  /** Time of the answer, on the monotonic clock of the connections. */
  readonly atMs: number;
}

/** Returns the last settlement of a stream, or `undefined` before the first one. */
export type SettlementOf = (stream: string) => Settlement | undefined;

/** Dependencies of {@link BlockingReader}. */
export interface BlockingReaderDependencies {
  readonly unblock: Unblock;
  readonly settlementOf: SettlementOf;
  readonly commandTimeoutMs: number;
}

/** Reads new entries, one read at a time. Opens its connection with the first read. */
export class BlockingReader {
  readonly #connection: RedisConnection;
  readonly #unblock: Unblock;
  readonly #settlementOf: SettlementOf;
  readonly #commandTimeoutMs: number;
  #isReading = false;
  /** The command of an aborted read. The next command must wait for its reply. */
  #abandoned: Promise<unknown> | undefined;
  /** The signal of the last read. The reader listens to it until a read has another signal. */
  #signal: AbortSignal | undefined;
  /** Ends the present read with an empty result. */
  #abort: () => void = () => {};
  readonly #onAbort = (): void => this.#abort();

  constructor(connection: RedisConnection, dependencies: BlockingReaderDependencies) {
    this.#connection = connection;
    this.#unblock = dependencies.unblock;
    this.#settlementOf = dependencies.settlementOf;
    this.#commandTimeoutMs = dependencies.commandTimeoutMs;
  }

  /** Reads the entries after the cursors, as `Broker.readAfter` does. */
  async read(
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<Map<string, readonly Entry[]>> {
    if (this.#isReading)
      throw invalid('a reader reads once at a time: wait until the previous read has settled');
    this.#isReading = true;
    try {
      if (this.#connection.state !== 'ready') await this.#connection.open();
      if (this.#abandoned !== undefined) await this.#abandoned;
      this.#abandoned = undefined;
      for (const stream of cursors.keys()) {
        const settled = this.#settlementOf(stream);
        if (settled !== undefined && !this.#connection.isRun(settled.runId))
          await this.#connection.proveRun(settled.runId);
      }
      if (options.signal?.aborted === true) return new Map();
      // The server is checked in the turn of the event loop that sends the command, because the connection may change during
      // an `await`.
      this.#checkServer(cursors);
      this.#listen(options.signal);
      const reply = await this.#send(cursors, options);
      return reply === undefined ? new Map() : asStreams(reply);
    } finally {
      this.#isReading = false;
      this.#abort = () => {};
    }
  }

  /** Resolves to the reply, or to `undefined` as soon as the signal fires. */
  #send(cursors: ReadonlyMap<string, EntryId>, options: ReadOptions): Promise<unknown> {
    const timeoutMs = options.blockMs + this.#commandTimeoutMs;
    return new Promise((resolve, reject) => {
      const reply = this.#connection.command(readCommand(cursors, options), { timeoutMs });
      reply.then(resolve, reject);
      this.#abort = () => {
        this.#abandon(reply);
        resolve(undefined);
      };
    });
  }

  #listen(signal: AbortSignal | undefined): void {
    if (signal === this.#signal) return;
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#signal = signal;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
  }

  /**
   * Allows a read only from the server that last answered a heartbeat for the stream. The cursor may refer to different
   * entries on another server, so a heartbeat must check it first.
   *
   * After a failover, this connection may lead to the old server, which may even accept entries. Therefore a connection that
   * is older than that heartbeat is replaced.
   * @throws BrokerError `unavailable` if the connection leads to another server
   */
  #checkServer(cursors: ReadonlyMap<string, EntryId>): void {
    const { connectedAtMs } = this.#connection;
    for (const stream of cursors.keys()) {
      const settled = this.#settlementOf(stream);
      if (settled === undefined || this.#connection.isRun(settled.runId)) continue;
      if (connectedAtMs < settled.atMs) this.#connection.renew();
      const message = `Another server has ${stream} now; reading continues after the next heartbeat`;
      throw new BrokerError('unavailable', message);
    }
  }

  /** Ends the command of an aborted read. No entries are lost, because the caller's cursor has not moved. */
  #abandon(reply: Promise<unknown>): void {
    const settled = reply.then(
      () => {},
      () => {},
    );
    this.#abandoned = settled;
    const clientId = this.#connection.clientId;
    if (clientId === undefined) return;
    // If CLIENT UNBLOCK fails, the read ends after its own `blockMs` at the latest.
    this.#unblock(clientId).catch((error: unknown): BrokerError => toBrokerError(error, 'unavailable'));
  }
}

/** Returns the XREAD command for these cursors. */
export function readCommand(cursors: ReadonlyMap<string, EntryId>, options: ReadOptions): string[] {
  // BLOCK 0 would wait forever.
  const block = options.blockMs > 0 ? ['BLOCK', String(options.blockMs)] : [];
  return [
    'XREAD',
    'COUNT',
    String(options.count),
    ...block,
    'STREAMS',
    ...cursors.keys(),
    ...cursors.values(),
  ];
}
