// Blocking reads, on a connection of their own: a command behind a blocked one would wait as long.
import { invalid } from '../../arguments.js';
import type { EntryId } from '../../entries/entry-id.js';
import { BrokerError, toBrokerError } from '../../errors.js';
import type { Entry, ReadOptions } from '../../port/entry-log.js';
import { asStreams } from '../calls/replies.js';
import type { RedisConnection } from './redis-connection.js';

/** Ends the blocking read of the client with this ID, from another connection. */
export type Unblock = (clientId: string) => Promise<unknown>;

/** The server on which a heartbeat, or a registration, last judged a stream, and when. */
export interface Settlement {
  /** The run of the server that answered. */
  readonly runId: string;
  /** On the clock of the connections. */
  readonly atMs: number;
}

/** The last settlement of a stream; `undefined` before the first one. */
export type SettlementOf = (stream: string) => Settlement | undefined;

/** Dependencies of {@link BlockingReader}. */
export interface BlockingReaderDependencies {
  readonly unblock: Unblock;
  readonly settlementOf: SettlementOf;
  readonly commandTimeoutMs: number;
}

/** One reader; opens its connection with the first read. */
export class BlockingReader {
  readonly #connection: RedisConnection;
  readonly #unblock: Unblock;
  readonly #settlementOf: SettlementOf;
  readonly #commandTimeoutMs: number;
  #isReading = false;
  /** The command of a read that was aborted: its reply must be in before the next command is sent. */
  #abandoned: Promise<unknown> | undefined;
  /** Listened to until a read brings another one. */
  #signal: AbortSignal | undefined;
  /** Ends the read under way with nothing. */
  #abort: () => void = () => {};
  readonly #onAbort = (): void => this.#abort();

  constructor(connection: RedisConnection, dependencies: BlockingReaderDependencies) {
    this.#connection = connection;
    this.#unblock = dependencies.unblock;
    this.#settlementOf = dependencies.settlementOf;
    this.#commandTimeoutMs = dependencies.commandTimeoutMs;
  }

  /** @see Broker.readAfter */
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
      // Checked in the turn in which the command goes out: the connection may have changed while something was awaited.
      this.#checkServer(cursors);
      this.#listen(options.signal);
      const reply = await this.#send(cursors, options);
      return reply === undefined ? new Map() : asStreams(reply);
    } finally {
      this.#isReading = false;
      this.#abort = () => {};
    }
  }

  /** The reply, or `undefined` as soon as the signal fires. */
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
   * Entries are read only from the server on which the stream was settled last. On another one the cursor may mean
   * something else until a heartbeat has judged it; and after a failover this connection may still lead to the previous
   * server, which may even continue to accept entries: then the connection is replaced.
   * @throws BrokerError `unavailable`
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

  /** The entries of an abandoned read are not lost: the caller's cursor has not moved. */
  #abandon(reply: Promise<unknown>): void {
    const settled = reply.then(
      () => {},
      () => {},
    );
    this.#abandoned = settled;
    const clientId = this.#connection.clientId;
    if (clientId === undefined) return;
    // Should this fail, the read ends at the latest after its own `blockMs`.
    this.#unblock(clientId).catch((error: unknown): BrokerError => toBrokerError(error, 'unavailable'));
  }
}

/** The XREAD for these cursors. */
export function readCommand(cursors: ReadonlyMap<string, EntryId>, options: ReadOptions): string[] {
  // BLOCK 0 would wait for ever.
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
