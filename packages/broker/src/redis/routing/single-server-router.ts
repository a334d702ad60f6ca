// Sends all commands to one server, over two connections. One is for blocking reads, which read all streams together. The
// other is for all other commands.
import type { EntryId } from '../../entries/entry-id.js';
import type { BrokerState } from '../../port/broker.js';
import type { Entry, ReadOptions } from '../../port/entry-log.js';
import type { ScriptCall } from '../calls/script-calls.js';
import { BlockingReader } from '../connection/blocking-reader.js';
import { RedisConnection } from '../connection/redis-connection.js';
import type { ServerLocator } from '../connection/server-locator.js';
import type { CommandRouter, RouterOptions } from './command-router.js';

/** The {@link CommandRouter} for a single server. Sentinels may replace the server by another one. */
export class SingleServerRouter implements CommandRouter {
  readonly isCluster = false;
  readonly #options: RouterOptions;
  readonly #locator: ServerLocator;
  readonly #writer: RedisConnection;
  readonly #readerConnection: RedisConnection;
  readonly #reader: BlockingReader;

  constructor(locator: ServerLocator, options: RouterOptions) {
    this.#options = options;
    this.#locator = locator;
    const onStateChange = (_: BrokerState, cause?: Error): void => options.onStateChange(this.state, cause);
    const common = { ...options, locator, onStateChange };
    this.#writer = new RedisConnection({ ...common, clientName: `${options.clientName}-writer` });
    this.#readerConnection = new RedisConnection({ ...common, clientName: `${options.clientName}-reader` });
    this.#reader = new BlockingReader(this.#readerConnection, {
      ...options,
      unblock: (clientId) => this.#writer.command(['CLIENT', 'UNBLOCK', clientId]),
    });
  }

  /**
   * The state of the connection for commands, or `unavailable` if the connection for reads was lost. That connection opens
   * with the first read, and is ignored before.
   */
  get state(): BrokerState {
    const writer = this.#writer.state;
    const isReaderAway = writer === 'ready' && this.#readerConnection.state === 'unavailable';
    return isReaderAway ? 'unavailable' : writer;
  }

  /** True when the server reported on the last connect that it is a cluster node. */
  get isClusterNode(): boolean {
    return this.#writer.isClusterNode;
  }

  async open(): Promise<void> {
    await this.#writer.open();
    this.#locator.watch((address) => {
      for (const connection of [this.#writer, this.#readerConnection]) connection.leaveUnless(address);
    });
  }

  need(): void {
    // There is nothing to do, because the server has every key.
  }

  command(_: string, args: readonly string[]): Promise<unknown> {
    return this.#writer.command(args, { timeoutMs: this.#options.commandTimeoutMs });
  }

  run<T>(call: ScriptCall<T>): Promise<T> {
    return this.#writer.run(call, { timeoutMs: this.#options.commandTimeoutMs });
  }

  read(cursors: ReadonlyMap<string, EntryId>, options: ReadOptions): Promise<Map<string, readonly Entry[]>> {
    return this.#reader.read(cursors, options);
  }

  groups(streams: readonly string[]): readonly (readonly string[])[] {
    return [streams];
  }

  leave(): void {
    // All streams are read over one connection.
  }

  servers(): readonly ((args: readonly string[]) => Promise<unknown>)[] {
    return [(args) => this.command('', args)];
  }

  closeReaders(): void {
    this.#readerConnection.close();
  }

  close(): void {
    this.closeReaders();
    this.#writer.close();
    this.#locator.close();
  }
}
