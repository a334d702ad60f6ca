/*
 * A hub that is mapped to a path: it hosts connections, and is the public `Hub` of the rest of the program.
 */
import { toError } from '../connection/error-text.js';
import type { HubConnection } from '../connection/hub-connection.js';
import type { ConnectionHost } from '../connection/run-hub-connection.js';
import type { Ticker } from '../connection/ticker.js';
import { SignalRError } from '../errors.js';
import type { SignalREventListener } from '../events.js';
import type { HubMessage } from '../protocol/hub-message.js';
import type { HubProtocol } from '../protocol/hub-protocol.js';
import { CallScope } from './call-scope.js';
import { type CallLimits, ConnectionCalls } from './connection-calls.js';
import { AddressedHubClients, type HubClients } from './hub-clients.js';
import { ConnectionHubContext, type HubContext, type RequestInfo } from './hub-context.js';
import type { HubDefinition, HubMethodsOf } from './hub-definition.js';
import { type ConnectionRecord, HubDispatcher } from './hub-dispatcher.js';
import { FilterChain, type HubFilter } from './hub-filter.js';
import type { HubLifetimeManager } from './hub-lifetime-manager.js';
import { HubSender } from './hub-sender.js';
import { createMethodTable } from './method-table.js';
import type { BackplaneState, RemoteHub } from './remote-hub.js';

/** The public data of a connection. */
export interface ConnectionSummary {
  readonly connectionId: string;
  readonly userId: string | null;
}

/**
 * Groups. Names are case-sensitive; a group exists while it has members. Changes reach connections of every instance; lists and counts
 * are those of this process.
 */
export interface HubGroups {
  /**
   * Takes effect before it returns for a connection of this process: the next send reaches the new member. For another one its
   * instance is asked; later sends of this process reach the member. Adding twice is harmless.
   * @returns false when no instance has the connection
   * @throws SignalRError (as a rejection) `backplane_unavailable` when not every instance could be asked, `server_closed`
   */
  add(connectionId: string, group: string): Promise<boolean>;
  /**
   * As {@link HubGroups.add}.
   * @returns false when the connection was not a member
   */
  remove(connectionId: string, group: string): Promise<boolean>;
  /** Members in this process, in the order of joining. They include connections whose `onDisconnected` is still running. */
  members(group: string): readonly ConnectionSummary[];
  /** The number of members in this process, without listing them. */
  count(group: string): number;
  /** Names of all groups that have members in this process. */
  names(): readonly string[];
}

/** Connections of this process; `abort` reaches those of every instance. */
export interface HubConnections {
  readonly count: number;
  /** Bytes that wait for all of these connections together. Visits every connection. */
  readonly waitingBytes: number;
  list(): readonly ConnectionSummary[];
  ofUser(userId: string): readonly ConnectionSummary[];
  /** Ids of the users that have a connection. */
  userIds(): readonly string[];
  /** The groups of a connection; empty when there is no such connection. */
  groupsOf(connectionId: string): readonly string[];
  /**
   * Ends a connection, as `context.abort()`. A connection of this process ends before it returns.
   * @returns false when no instance has the connection
   * @throws SignalRError (as a rejection) `backplane_unavailable` when not every instance could be asked, `server_closed`
   */
  abort(connectionId: string): Promise<boolean>;
}

/** A running hub, for code outside of its methods. */
export interface Hub<Client> {
  /** The path it is mapped to. */
  readonly path: string;
  readonly clients: HubClients<Client>;
  readonly groups: HubGroups;
  readonly connections: HubConnections;
  /**
   * The state of the backplane, for readiness checks. While it is `down`, clients of this process are served in full, and sends do not
   * reach the other instances.
   */
  readonly backplaneState: BackplaneState;
}

/** Everything that the server gives to a hub. */
export interface HubDependencies {
  readonly manager: HubLifetimeManager;
  /** The same hub on the other instances; absent where this instance is the only one. */
  readonly remote: RemoteHub | undefined;
  readonly ticker: Ticker;
  readonly protocols: readonly HubProtocol[];
  readonly onEvent: SignalREventListener;
  readonly callLimits: CallLimits;
  readonly filters: readonly HubFilter<HubContext<unknown, unknown, unknown>>[];
}

/** See {@link Hub} and {@link ConnectionHost}. */
export class MappedHub<Client, User, Items> implements Hub<Client>, ConnectionHost {
  readonly path: string;
  readonly clients: HubClients<Client>;
  readonly ticker: Ticker;
  readonly protocols: readonly HubProtocol[];
  readonly onEvent: SignalREventListener;
  readonly #definition: HubDefinition<Client, User, Items, unknown>;
  readonly #manager: HubLifetimeManager;
  readonly #remote: RemoteHub | undefined;
  readonly #sender: HubSender;
  readonly #dispatcher: HubDispatcher;
  readonly #filters: FilterChain;
  readonly #callLimits: CallLimits;
  /** One record per connection, from `admit` to its end. */
  readonly #records = new WeakMap<HubConnection, HubRecord<Client, User, Items>>();

  constructor(
    path: string,
    definition: HubDefinition<Client, User, Items, HubMethodsOf<HubContext<Client, User, Items>>>,
    dependencies: HubDependencies,
  ) {
    this.path = path;
    this.ticker = dependencies.ticker;
    this.protocols = dependencies.protocols;
    this.onEvent = dependencies.onEvent;
    this.#definition = definition;
    this.#manager = dependencies.manager;
    this.#remote = dependencies.remote;
    this.#sender = new HubSender({
      manager: this.#manager,
      protocols: this.protocols,
      remote: this.#remote,
    });
    this.clients = new AddressedHubClients<Client>(this.#sender);
    this.#callLimits = dependencies.callLimits;
    // The server's filters do not have this hub's types, its own filters do: both receive contexts of this hub.
    const filters = [...dependencies.filters, ...(definition.filters ?? [])] as readonly HubFilter<never>[];
    this.#filters = new FilterChain(filters);
    this.#dispatcher = new HubDispatcher({
      methods: createMethodTable(definition.methods),
      filters: this.#filters,
      onEvent: this.onEvent,
      recordOf: (connection) => this.#recordOf(connection),
    });
  }

  readonly groups: HubGroups = {
    add: (connectionId, group) => this.#sender.request(connectionId, { kind: 'add', group }),
    remove: (connectionId, group) => this.#sender.request(connectionId, { kind: 'remove', group }),
    members: (group) => Array.from(this.#manager.group(group), summaryOf),
    count: (group) => this.#manager.group(group).size,
    names: () => [...this.#manager.groupNames()],
  };

  get connections(): HubConnections {
    const manager = this.#manager;
    return {
      count: manager.connectionCount,
      get waitingBytes() {
        return manager.waitingBytes;
      },
      list: () => Array.from(manager.connections(), summaryOf),
      ofUser: (userId) => Array.from(manager.user(userId), summaryOf),
      userIds: () => [...manager.userIds()],
      groupsOf: (connectionId) => [...(manager.connection(connectionId)?.groups ?? [])],
      abort: (connectionId) => this.#sender.request(connectionId, { kind: 'abort' }),
    };
  }

  get backplaneState(): BackplaneState {
    return this.#remote?.state ?? 'none';
  }

  /** Joins the same hub of the other instances. */
  start(): void {
    this.#remote?.start();
  }

  /** Leaves the other instances; connections stay open. Never rejects. */
  async leave(): Promise<void> {
    await this.#remote?.close();
  }

  /** Creates the context of a new connection; call before the connection runs. */
  admit(connection: HubConnection, request: RequestInfo): void {
    const { items, error } = this.#createItems();
    const calls = new ConnectionCalls(this.#callLimits);
    connection.onEnding = () => calls.cancelAll();
    if (this.#definition.onBackpressure !== undefined)
      connection.onBackpressure = () => void this.#backpressure(connection);
    const state = { connection, manager: this.#manager, sender: this.#sender, items, request };
    this.#records.set(connection, {
      calls,
      context: new ConnectionHubContext<Client, User, Items>(state, undefined),
      contextFor: (scope) => new ConnectionHubContext<Client, User, Items>(state, scope),
      admissionError: error,
    });
  }

  /** An error of the factory is kept until `connected`, where the client can be told. */
  #createItems(): { readonly items: Items; readonly error?: Error } {
    try {
      // Without a factory the items are typed as a plain record, which is what this is.
      return { items: this.#definition.createItems?.() ?? ({} as Items) };
    } catch (error) {
      return { items: {} as Items, error: toError(error) }; // no code of the hub ever sees these
    }
  }

  register(connection: HubConnection): void {
    this.#manager.register(connection);
  }

  unregister(connection: HubConnection): void {
    this.#manager.unregister(connection);
  }

  async connected(connection: HubConnection): Promise<void> {
    const { context, admissionError } = this.#recordOf(connection);
    if (admissionError !== undefined) throw admissionError;
    await this.#filters.connected(context, () => this.#definition.onConnected?.(context));
  }

  async disconnected(connection: HubConnection, error: Error | undefined): Promise<void> {
    const { context, admissionError } = this.#recordOf(connection);
    if (admissionError !== undefined) return;
    await this.#filters.disconnected(context, error, () => this.#definition.onDisconnected?.(context, error));
  }

  /** Runs the hub's `onAuthenticationRefreshed` when it is its turn. Never rejects. */
  async authenticationRefreshed(connection: HubConnection): Promise<void> {
    const { calls, contextFor } = this.#recordOf(connection);
    const slot = await calls.takeRefreshSlot();
    if (slot === undefined) return;
    try {
      const context = contextFor(new CallScope(slot, undefined));
      if (connection.state === 'open') await this.#definition.onAuthenticationRefreshed?.(context);
    } catch (error) {
      this.onEvent({ type: 'refreshed_hook_failed', ...connection.identity, error: toError(error) });
    } finally {
      slot.end();
    }
  }

  /** Runs the hub's `onBackpressure`, and closes the connection if it says so. Never rejects. */
  async #backpressure(connection: HubConnection): Promise<void> {
    try {
      const action = await this.#definition.onBackpressure?.(this.#recordOf(connection).context);
      if (action === 'close') connection.close('slow_consumer');
    } catch (error) {
      this.onEvent({ type: 'backpressure_hook_failed', ...connection.identity, error: toError(error) });
      connection.close('slow_consumer');
    }
  }

  settle(connection: HubConnection): Promise<void> {
    return this.#recordOf(connection).calls.settle();
  }

  dispatch(connection: HubConnection, message: HubMessage): Promise<void> | undefined {
    return this.#dispatcher.dispatch(connection, message);
  }

  #recordOf(connection: HubConnection): HubRecord<Client, User, Items> {
    const record = this.#records.get(connection);
    if (record === undefined) throw new SignalRError('aborted', 'The connection was never admitted.');
    return record;
  }
}

/** The hub's record of a connection; its hooks receive `context`. */
interface HubRecord<Client, User, Items> extends ConnectionRecord {
  readonly context: HubContext<Client, User, Items>;
  contextFor(scope: CallScope): HubContext<Client, User, Items>;
  /** The error of `createItems`: then no other code of the hub runs for this connection. */
  readonly admissionError: Error | undefined;
}

function summaryOf(connection: HubConnection): ConnectionSummary {
  return { connectionId: connection.connectionId, userId: connection.principal.userId };
}
