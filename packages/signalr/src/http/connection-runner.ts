/*
 * Turns an attached transport into a running connection, and keeps the list of all running connections.
 */
import type { ClientBudget, ClientBudgets } from '../budgets/client-budgets.js';
import { ConnectionBudget } from '../budgets/connection-budget.js';
import type { ConnectionApplication, Listening } from '../connection/connection-application.js';
import type { ConnectionLimits } from '../connection/connection-limits.js';
import type { ConnectionObserver } from '../connection/connection-owner.js';
import type { ConnectionPrincipal } from '../connection/connection-principal.js';
import { HubConnection } from '../connection/hub-connection.js';
import type { RequestInfo } from '../connection/request-info.js';
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

/** Runs the connections of one endpoint. */
export class ConnectionRunner implements ConnectionObserver<HubConnection> {
  readonly #application: ConnectionApplication;
  readonly #limits: ConnectionLimits;
  readonly #store: ConnectionStore;
  readonly #instances: Instances | undefined;
  readonly #budgets: ClientBudgets | undefined;
  /** The running connections, each with its entry in the store. */
  readonly #running = new Map<HubConnection, StoredConnection>();

  constructor(
    application: ConnectionApplication,
    dependencies: {
      readonly limits: ConnectionLimits;
      readonly store: ConnectionStore;
      readonly instances: Instances | undefined;
      readonly budgets: ClientBudgets | undefined;
    },
  ) {
    this.#application = application;
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
   * store. A listener's connection is not in the store, because no later request names it.
   */
  begin(
    transport: Transport,
    stored: StoredConnection,
    client: OpeningClient,
    listening?: Listening,
  ): HubConnection {
    const application = this.#application;
    const identity = {
      hub: application.path,
      connectionId: stored.ids.connectionId,
      userId: client.principal.userId,
      transport: transport.name,
    };
    const budget = this.#budgets && new ConnectionBudget(this.#budgets, client.budget);
    const connection = new HubConnection(identity, client.principal, {
      transport,
      limits: this.#limits,
      ticker: application.ticker,
      observer: this,
      budget,
    });
    budget?.begin(connection);
    this.#running.set(connection, stored);
    application.run(connection, client.info, listening);
    return connection;
  }

  onReplaced({ identity }: HubConnection): void {
    this.#application.onEvent({ type: 'message_replaced', ...identity });
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
