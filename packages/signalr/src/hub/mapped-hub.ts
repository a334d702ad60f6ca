/* A hub that is mapped to a path. It hosts the connections, and is the `Hub` object that the application uses. */

import { toError } from '@millrace/internal';
import type { ConnectionApplication, Listening } from '../connection/connection-application.js';
import type { ConnectionOwner } from '../connection/connection-owner.js';
import type { HubConnection } from '../connection/hub-connection.js';
import type { RequestInfo } from '../connection/request-info.js';
import { type ConnectionHost, runHubConnection } from '../connection/run-hub-connection.js';
import type { Ticker } from '../connection/ticker.js';
import { SignalRError } from '../errors.js';
import type { SignalREventListener } from '../events.js';
import type { HubMessage } from '../protocol/hub-message.js';
import type { HubProtocol } from '../protocol/hub-protocol.js';
import type { TransportName } from '../protocol/negotiate.js';
import { CallScope } from './call-scope.js';
import { type CallLimits, ConnectionCalls } from './connection-calls.js';
import { AddressedHubClients, type HubClients } from './hub-clients.js';
import { ConnectionHubContext, type HubContext, type HubContextDependencies } from './hub-context.js';
import type { HubDefinition, HubMethodsOf } from './hub-definition.js';
import { type ConnectionRecord, HubDispatcher } from './hub-dispatcher.js';
import { FilterChain, type HubFilter } from './hub-filter.js';
import type { HubLifetimeManager } from './hub-lifetime-manager.js';
import { HubSender } from './hub-sender.js';
import { createMethodTable } from './method-table.js';
import type { BackplaneState, RemoteHub } from './remote-hub.js';

/** The public data of a connection. @beta */
export interface ConnectionSummary {
  readonly connectionId: string;
  readonly userId: string | null;
  readonly transport: TransportName;
  readonly connectedAt: Date;
}

/**
 * The groups of a hub. Names are case-sensitive. A group exists while it has members. `add` and `remove` work for connections of
 * all instances. `members`, `count` and `names` cover only this process.
 * @beta
 */
export interface HubGroups {
  /**
   * Adds a connection to a group. Has no effect if it is a member already. A connection of this process is a member when the
   * call returns, and receives the next send.
   *
   * A connection of another instance is added by that instance. Later sends of this process arrive there after the request.
   * Therefore they reach the new member, too.
   * @returns false if no instance has the connection
   * @throws SignalRError (as a rejection) `backplane_unavailable` if not every instance could be asked, `server_closed`
   */
  add(connectionId: string, group: string): Promise<boolean>;
  /**
   * Removes a connection from a group. Takes effect as soon as {@link HubGroups.add} does, and rejects with the same errors.
   * @returns false if the connection was not a member
   */
  remove(connectionId: string, group: string): Promise<boolean>;
  /** The members in this process, in the order of joining. Includes connections whose `onDisconnected` still runs. */
  members(group: string): readonly ConnectionSummary[];
  /** The number of members in this process, without listing them. */
  count(group: string): number;
  /** The names of all groups that have members in this process. */
  names(): readonly string[];
}

/** The connections of this process. Only `abort` also reaches connections of other instances. @beta */
export interface HubConnections {
  readonly count: number;
  /** The total number of bytes that wait to be sent to these connections. Reading it visits every connection. */
  readonly waitingBytes: number;
  list(): readonly ConnectionSummary[];
  ofUser(userId: string): readonly ConnectionSummary[];
  /** The ids of the users that have a connection. */
  userIds(): readonly string[];
  /** The groups of a connection. Empty if there is no such connection. */
  groupsOf(connectionId: string): readonly string[];
  /**
   * Ends a connection, as `context.abort()` does. A connection of this process begins to end before the call returns.
   * @returns false if no instance has the connection
   * @throws SignalRError (as a rejection) `backplane_unavailable` if not every instance could be asked, `server_closed`
   */
  abort(connectionId: string): Promise<boolean>;
}

/** A running hub, for code outside of the hub's methods. @beta */
export interface Hub<Client> {
  /** The path that the hub is mapped to. */
  readonly path: string;
  readonly clients: HubClients<Client>;
  readonly groups: HubGroups;
  readonly connections: HubConnections;
  /**
   * The state of the backplane, for readiness checks. While it is `down`, clients of this process are served
   * normally, but sends may not reach the other instances.
   */
  readonly backplaneState: BackplaneState;
}

/** Everything that the server gives to a hub. */
export interface HubDependencies {
  readonly manager: HubLifetimeManager;
  /** The same hub on the other instances. Undefined if there is no backplane. */
  readonly remote: RemoteHub | undefined;
  readonly ticker: Ticker;
  readonly protocols: readonly HubProtocol[];
  readonly onEvent: SignalREventListener;
  readonly callLimits: CallLimits;
  readonly acceptsBigints: boolean;
  readonly filters: readonly HubFilter<HubContext<unknown, unknown, unknown>>[];
}

/** See {@link Hub} and {@link ConnectionHost}. */
export class MappedHub<Client, User, Items> implements Hub<Client>, ConnectionHost, ConnectionApplication {
  readonly isRaw = false;
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
    // The cast is safe: a filter of this hub is typed for the contexts that it receives, and a filter of the server accepts
    // the context of any hub.
    const filters = [...dependencies.filters, ...(definition.filters ?? [])] as readonly HubFilter<never>[];
    this.#filters = new FilterChain(filters);
    this.#dispatcher = new HubDispatcher({
      methods: createMethodTable(definition.methods),
      filters: this.#filters,
      onEvent: this.onEvent,
      acceptsBigints: dependencies.acceptsBigints,
      recordOf: (connection) => this.#recordOf(connection),
    });
  }

  readonly groups: HubGroups = {
    add: (connectionId, group) => this.#sender.request(connectionId, { kind: 'add', group }),
    remove: (connectionId, group) => this.#sender.request(connectionId, { kind: 'remove', group }),
    members: (group) => Array.from(this.#manager.group(group), summaryOf),
    count: (group) => this.#manager.groupSize(group),
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

  /** Connects this hub to the same hub on the other instances. */
  start(): void {
    this.#remote?.start();
  }

  /** Disconnects this hub from the other instances. The connections of clients stay open. Never rejects. */
  async leave(): Promise<void> {
    await this.#remote?.close();
  }

  run(connection: HubConnection, request: RequestInfo, listening?: Listening): void {
    this.admit(connection, request).onOpen = listening?.onOpen;
    runHubConnection(connection, this, listening?.protocol);
  }

  /** Creates the record of a new connection. Must be called before the connection runs. */
  admit(connection: HubConnection, request: RequestInfo): { onOpen: Listening['onOpen'] | undefined } {
    const { items, error } = this.#createItems();
    const calls = new ConnectionCalls(this.#callLimits);
    const state = { connection, manager: this.#manager, sender: this.#sender, items, request };
    const record = new HubRecord<Client, User, Items>(this, calls, state, error);
    connection.owner = record;
    return record;
  }

  /**
   * Calls the hub's `createItems`. The client cannot be told about an error yet, so the error is kept until `connected`
   * throws it.
   */
  #createItems(): { readonly items: Items; readonly error?: Error } {
    try {
      // A hub may leave out the factory only if its type `Items` is a plain record. A plain object therefore has the right
      // type.
      return { items: this.#definition.createItems?.() ?? ({} as Items) };
    } catch (error) {
      return { items: {} as Items, error: toError(error) }; // The hub's code never receives these items.
    }
  }

  register(connection: HubConnection): void {
    this.#manager.register(connection);
  }

  unregister(connection: HubConnection): void {
    this.#manager.unregister(connection);
  }

  async connected(connection: HubConnection): Promise<void> {
    const { context, admissionError, onOpen } = this.#recordOf(connection);
    if (admissionError !== undefined) throw admissionError;
    await this.#filters.connected(context, () => this.#definition.onConnected?.(context));
    await onOpen?.(context);
  }

  async disconnected(connection: HubConnection, error: Error | undefined): Promise<void> {
    const { context, admissionError } = this.#recordOf(connection);
    if (admissionError !== undefined) return;
    await this.#filters.disconnected(context, error, () => this.#definition.onDisconnected?.(context, error));
  }

  /** Runs the hub's `onAuthenticationRefreshed` in the same queue as the client's invocations. Never rejects. */
  async authenticationRefreshed(connection: HubConnection): Promise<void> {
    const record = this.#recordOf(connection);
    const slot = await record.calls.takeRefreshSlot();
    if (slot === undefined) return;
    try {
      const context = record.contextFor(new CallScope(slot, {}));
      if (connection.state === 'open') await this.#definition.onAuthenticationRefreshed?.(context);
    } catch (error) {
      this.onEvent({ type: 'refreshed_hook_failed', ...connection.identity, error: toError(error) });
    } finally {
      slot.end();
    }
  }

  /** Runs the hub's `onBackpressure`. Closes the connection if the hook returns `close` or fails. Never rejects. */
  async backpressure(connection: HubConnection): Promise<void> {
    if (this.#definition.onBackpressure === undefined) return;
    try {
      const action = await this.#definition.onBackpressure(this.#recordOf(connection).context);
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
    const { owner } = connection;
    if (!(owner instanceof HubRecord))
      throw new SignalRError('aborted', 'The connection was never admitted.');
    // The cast is safe: only `admit` of the connection's own hub sets the owner.
    return owner as HubRecord<Client, User, Items>;
  }
}

/** The hub's record of a connection. */
class HubRecord<Client, User, Items> implements ConnectionRecord, ConnectionOwner {
  readonly calls: ConnectionCalls;
  /** `onConnected`, `onDisconnected` and `onBackpressure` receive this context. */
  readonly context: HubContext<Client, User, Items>;
  /** The error of `createItems`, if it failed. The hooks and methods of the hub then do not run for this connection. */
  readonly admissionError: Error | undefined;
  /** Set for a listener, before the connection runs. */
  onOpen: Listening['onOpen'] | undefined;
  readonly #hub: Pick<MappedHub<Client, User, Items>, 'backpressure'>;
  readonly #dependencies: HubContextDependencies<Items>;

  constructor(
    hub: Pick<MappedHub<Client, User, Items>, 'backpressure'>,
    calls: ConnectionCalls,
    dependencies: HubContextDependencies<Items>,
    admissionError: Error | undefined,
  ) {
    this.#hub = hub;
    this.calls = calls;
    this.context = new ConnectionHubContext<Client, User, Items>(dependencies, undefined);
    this.admissionError = admissionError;
    this.#dependencies = dependencies;
  }

  onEnding(): void {
    this.calls.cancelAll();
  }

  onBackpressure(): void {
    void this.#hub.backpressure(this.#dependencies.connection);
  }

  contextFor(scope: CallScope): HubContext<Client, User, Items> {
    return new ConnectionHubContext<Client, User, Items>(this.#dependencies, scope);
  }
}

function summaryOf(connection: HubConnection): ConnectionSummary {
  const { connectionId, transport } = connection.identity;
  return {
    connectionId,
    userId: connection.principal.userId,
    transport,
    connectedAt: new Date(connection.connectedAtMs),
  };
}
