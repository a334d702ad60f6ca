// Runs the blocking reads of one stream, on a separate connection to the node that has the stream now.
import type { EntryId } from '../../entries/entry-id.js';
import type { BrokerState } from '../../port/broker.js';
import type { Entry, ReadOptions } from '../../port/entry-log.js';
import { BlockingReader } from '../connection/blocking-reader.js';
import { RedisConnection } from '../connection/redis-connection.js';
import type { NodeAddress } from '../connection/redis-url.js';
import { fixedServer } from '../connection/server-locator.js';
import type { RouterOptions } from '../routing/command-router.js';
import type { Topology } from './topology.js';

interface NodeConnection {
  readonly address: NodeAddress;
  readonly connection: RedisConnection;
  readonly reader: BlockingReader;
}

/**
 * A reader that follows its stream to other nodes. A read that waits at a node without the stream rejects with `unavailable`.
 * The next read begins at the new node.
 */
export class StreamReader {
  readonly #options: RouterOptions;
  readonly #topology: Topology;
  #current: NodeConnection | undefined;

  constructor(topology: Topology, options: RouterOptions) {
    this.#topology = topology;
    this.#options = options;
  }

  /** The state of the present connection, or `idle` if there is none. */
  get state(): BrokerState {
    return this.#current?.connection.state ?? 'idle';
  }

  /** Reads from this node. Only one read may be in progress at a time. */
  read(
    address: NodeAddress,
    cursors: ReadonlyMap<string, EntryId>,
    options: ReadOptions,
  ): Promise<Map<string, readonly Entry[]>> {
    this.leaveUnless(address);
    this.#current ??= this.#moveTo(address);
    return this.#current.reader.read(cursors, options);
  }

  /** Ends the connection if it leads to another node. */
  leaveUnless(address: NodeAddress): void {
    if (this.#current !== undefined && this.#current.address !== address) this.close();
  }

  close(): void {
    const current = this.#current;
    this.#current = undefined;
    current?.connection.close();
  }

  #moveTo(address: NodeAddress): NodeConnection {
    const connection = new RedisConnection({
      ...this.#options,
      locator: fixedServer(this.#topology.endpointOf(address)),
      clientName: `${this.#options.clientName}-reader`,
    });
    const unblock = (clientId: string): Promise<unknown> =>
      this.#topology.nodeAt(address).connection.command(['CLIENT', 'UNBLOCK', clientId]);
    return {
      address,
      connection,
      reader: new BlockingReader(connection, { ...this.#options, unblock }),
    };
  }
}
