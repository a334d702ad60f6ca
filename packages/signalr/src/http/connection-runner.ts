/*
 * Turns an attached transport into a running connection, and keeps the list of all running connections.
 */
import type { ClientBudget, ClientBudgets } from '../budgets/client-budgets.js';
import { ConnectionBudget } from '../budgets/connection-budget.js';
import type { ConnectionLimits } from '../connection/connection-limits.js';
import type { ConnectionObserver } from '../connection/connection-owner.js';
import type { ConnectionPrincipal } from '../connection/connection-principal.js';
import { HubConnection } from '../connection/hub-connection.js';
import { runHubConnection } from '../connection/run-hub-connection.js';
import type { RequestInfo } from '../hub/hub-context.js';
import type { MappedHub } from '../hub/mapped-hub.js';
import type { Instances } from '../instances/instances.js';
import type { Transport } from '../transports/transport.js';
import type { ConnectionStore, StoredConnection } from './connection-store.js';

/** The request that opens a connection, and the principal of its client. */
export interface OpeningClient {
  readonly info: RequestInfo;
  readonly principal: ConnectionPrincipal;
  /** The budget of the client. Undefined if the hub has no `clientLimits`, or if the client has no owner. */
  readonly budget: ClientBudget | undefined;
}

/** Runs the connections of one hub. */
export class ConnectionRunner<Client, User, Items> implements ConnectionObserver {
  readonly #hub: MappedHub<Client, User, Items>;
  readonly #limits: ConnectionLimits;
  readonly #store: ConnectionStore;
  readonly #instances: Instances | undefined;
  readonly #budgets: ClientBudgets | undefined;
  /** The running connections, each with its entry in the store. */
  readonly #running = new Map<HubConnection, StoredConnection>();

  constructor(
    hub: MappedHub<Client, User, Items>,
    dependencies: {
      readonly limits: ConnectionLimits;
      readonly store: ConnectionStore;
      readonly instances: Instances | undefined;
      readonly budgets: ClientBudgets | undefined;
    },
  ) {
    this.#hub = hub;
    this.#limits = dependencies.limits;
    this.#store = dependencies.store;
    this.#instances = dependencies.instances;
    this.#budgets = dependencies.budgets;
  }

  /** The promises of the running connections. Each resolves when its connection has ended. */
  get lives(): Iterable<Promise<void>> {
    return Array.from(this.#running.keys(), ({ ended }) => ended.promise);
  }

  get connections(): Iterable<HubConnection> {
    return this.#running.keys();
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
    const budget = this.#budgets && new ConnectionBudget(this.#budgets, client.budget);
    const connection = new HubConnection(identity, client.principal, {
      transport,
      limits: this.#limits,
      ticker: hub.ticker,
      observer: this,
      budget,
    });
    budget?.begin(connection);
    hub.admit(connection, client.info);
    this.#running.set(connection, stored);
    runHubConnection(connection, hub);
    return connection;
  }

  onReplaced({ identity }: HubConnection): void {
    this.#hub.onEvent({ type: 'message_replaced', ...identity });
  }

  onClosed(connection: HubConnection): void {
    const stored = this.#running.get(connection);
    if (stored === undefined) return;
    this.#store.remove(stored);
    this.#instances?.release(stored.ids.connectionToken);
  }

  onEnded(connection: HubConnection): void {
    this.#running.delete(connection);
    connection.budget?.end();
  }
}
