/*
 * Turns an attached transport into a running connection, and keeps the list of all running connections.
 */
import type { ConnectionLimits } from '../connection/connection-limits.js';
import type { ConnectionPrincipal } from '../connection/connection-principal.js';
import { HubConnection } from '../connection/hub-connection.js';
import { runHubConnection } from '../connection/run-hub-connection.js';
import type { ConnectionIdentity } from '../events.js';
import type { RequestInfo } from '../hub/hub-context.js';
import type { MappedHub } from '../hub/mapped-hub.js';
import type { Instances } from '../instances/instances.js';
import type { Transport } from '../transports/transport.js';
import type { ConnectionStore, StoredConnection } from './connection-store.js';

/** The request that opens a connection, and the principal of its client. */
export interface OpeningClient {
  readonly info: RequestInfo;
  readonly principal: ConnectionPrincipal;
}

/** Runs the connections of one hub. */
export class ConnectionRunner<Client, User, Items> {
  readonly #hub: MappedHub<Client, User, Items>;
  readonly #limits: ConnectionLimits;
  readonly #store: ConnectionStore;
  readonly #instances: Instances | undefined;
  readonly #onReplaced: (identity: ConnectionIdentity) => void;
  /** The running connections. Each has a promise that resolves when the connection has ended. */
  readonly #lives = new Map<HubConnection, Promise<void>>();

  constructor(
    hub: MappedHub<Client, User, Items>,
    dependencies: {
      readonly limits: ConnectionLimits;
      readonly store: ConnectionStore;
      readonly instances: Instances | undefined;
    },
  ) {
    this.#hub = hub;
    this.#limits = dependencies.limits;
    this.#store = dependencies.store;
    this.#instances = dependencies.instances;
    this.#onReplaced = (identity) => hub.onEvent({ type: 'message_replaced', ...identity });
  }

  /** The promises of the running connections. Each resolves when its connection has ended. */
  get lives(): Iterable<Promise<void>> {
    return this.#lives.values();
  }

  get connections(): Iterable<HubConnection> {
    return this.#lives.keys();
  }

  /**
   * Starts a connection that a request has claimed in the store. When its transport has ended, the connection is removed from the
   * store.
   */
  begin(transport: Transport, stored: StoredConnection, client: OpeningClient): HubConnection {
    const hub = this.#hub;
    const identity = {
      hub: hub.path,
      connectionId: stored.ids.connectionId,
      userId: client.principal.userId,
      transport: transport.name,
    };
    const connection = new HubConnection(identity, client.principal, {
      transport,
      limits: this.#limits,
      ticker: hub.ticker,
      onReplaced: this.#onReplaced,
    });
    hub.admit(connection, client.info);
    void connection.closed.then(() => {
      this.#store.remove(stored);
      this.#instances?.release(stored.ids.connectionToken);
    });
    const life = runHubConnection(connection, hub).finally(() => this.#lives.delete(connection));
    this.#lives.set(connection, life);
    return connection;
  }
}
