// The connection for commands to one node of a cluster. It is opened when it is first needed.
import type { BrokerState } from '../../port/broker.js';
import { RedisConnection } from '../connection/redis-connection.js';
import type { Endpoint } from '../connection/redis-target.js';
import type { NodeAddress } from '../connection/redis-url.js';
import { fixedServer } from '../connection/server-locator.js';
import type { RouterOptions } from '../routing/command-router.js';

/** A node of a cluster. Its connection is restored after every loss, from the first connect until `close`. */
export class ClusterNode {
  readonly address: NodeAddress;
  readonly connection: RedisConnection;
  #opening: Promise<void> | undefined;

  constructor(endpoint: Endpoint, options: RouterOptions) {
    this.address = endpoint.address;
    const clientName = `${options.clientName}-writer`;
    this.connection = new RedisConnection({ ...options, locator: fixedServer(endpoint), clientName });
  }

  get state(): BrokerState {
    return this.connection.state;
  }

  /**
   * Resolves when the connection has been opened for the first time. Concurrent calls share one attempt. The next call after
   * a failure tries again.
   */
  open(): Promise<void> {
    this.#opening ??= this.connection.open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  close(): void {
    this.connection.close();
  }
}
