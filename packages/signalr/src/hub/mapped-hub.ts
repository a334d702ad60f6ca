/*
 * A hub that is mapped to a path: its host for connections, and its face for the rest of the server.
 */
import type { HubBackplane } from '../backplane/hub-backplane.js';
import { HubLink, type LinkLimits } from '../backplane/hub-link.js';
import { toError } from '../connection/error-text.js';
import type { HubConnection } from '../connection/hub-connection.js';
import type { ConnectionHost } from '../connection/run-hub-connection.js';
import type { Ticker } from '../connection/ticker.js';
import { SignalRError } from '../errors.js';
import type { SignalREventListener } from '../events.js';
import { pathKey } from '../http/request-target.js';
import type { HubMessage } from '../protocol/hub-message.js';
import type { HubProtocol } from '../protocol/hub-protocol.js';
import { CallScope } from './call-scope.js';
import { type CallLimits, ConnectionCalls } from './connection-calls.js';
import { AddressedHubClients, type HubClients } from './hub-clients.js';
import { ConnectionHubContext, type HubContext, type RequestInfo } from './hub-context.js';
import type { HubDefinition, HubMethodsOf } from './hub-definition.js';
import { type ConnectionRecord, HubDispatcher } from './hub-dispatcher.js';
import { FilterChain, type HubFilter } from './hub-filter.js';
import { HubLifetimeManager } from './hub-lifetime-manager.js';
import { HubSender } from './hub-sender.js';
import { createMethodTable } from './method-table.js';
import type { BackplaneState } from './remote-hub.js';

/** Who is connected, in public terms. */
export interface ConnectionSummary {
  readonly connectionId: string;
  readonly userId: string | null;
}

/**
 * Groups. Names are case-sensitive; a group exists while it has members. Changes reach connections of every instance, what is
 * listed and counted are those of this process.
 */
export interface HubGroups {
  /**
   * Takes effect before it returns where the connection is of this process: the next send reaches the new member. Otherwise the
   * instance that has it is asked, and sends of this process that follow reach the member. Adding twice is harmless.
   * @returns false when nobody has the connection
   * @throws SignalRError (as a rejection) `backplane_unavailable` when not every instance could be asked, `server_closed`
   */
  add(connectionId: string, group: string): Promise<boolean>;
  /**
   * As {@link HubGroups.add}.
   * @returns false when the connection was not a member
   */
  remove(connectionId: string, group: string): Promise<boolean>;
  /** Members here, in the order of joining. A connection whose `onDisconnected` is still running is among them. */
  members(group: string): readonly ConnectionSummary[];
  /** How many members a group has here, without listing them. */
  count(group: string): number;
  /** Names of all groups that have members here. */
  names(): readonly string[];
}

/** Connections of this process; `abort` reaches those of every instance. */
export interface HubConnections {
  readonly count: number;
  /** Bytes that wait for all of them together because they have not been taken yet. Looks at every connection. */
  readonly waitingBytes: number;
  list(): readonly ConnectionSummary[];
  ofUser(userId: string): readonly ConnectionSummary[];
  /** Ids of the users that have a connection. */
  userIds(): readonly string[];
  /** The groups of a connection; empty when there is no such connection. */
  groupsOf(connectionId: string): readonly string[];
  /**
   * Ends a connection, as `context.abort()`; before it returns where it is of this process.
   * @returns false when nobody has the connection
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
   * Whether the other instances are reached, for readiness checks. While it is `down`, clients of this process are served in full
   * and sends reach nobody else.
   */
  readonly backplaneState: BackplaneState;
}

/** What links the hubs of a server with those of others. */
export interface BackplaneSettings {
  readonly backplane: HubBackplane;
  readonly limits: LinkLimits;
}

/** What all hubs of a server share. */
export interface HubEnvironment {
  readonly ticker: Ticker;
  readonly protocols: readonly HubProtocol[];
  readonly onEvent: SignalREventListener;
  readonly callLimits: CallLimits;
  readonly filters: readonly HubFilter<HubContext<unknown, unknown, unknown>>[];
  /** Absent where this instance is the only one. */
  readonly backplane: BackplaneSettings | undefined;
}

/** See {@link Hub} and {@link ConnectionHost}. */
export class MappedHub<Client, User, Items> implements Hub<Client>, ConnectionHost {
  readonly path: string;
  readonly clients: HubClients<Client>;
  readonly ticker: Ticker;
  readonly protocols: readonly HubProtocol[];
  readonly onEvent: SignalREventListener;
  readonly #definition: HubDefinition<Client, User, Items, unknown>;
  readonly #manager = new HubLifetimeManager();
  readonly #link: HubLink | undefined;
  readonly #sender: HubSender;
  readonly #dispatcher: HubDispatcher;
  readonly #filters: FilterChain;
  readonly #callLimits: CallLimits;
  /** From `admit` to the end of the connection's life. */
  readonly #records = new WeakMap<HubConnection, HubRecord<Client, User, Items>>();

  constructor(
    path: string,
    definition: HubDefinition<Client, User, Items, HubMethodsOf<HubContext<Client, User, Items>>>,
    environment: HubEnvironment,
  ) {
    this.path = path;
    this.ticker = environment.ticker;
    this.protocols = environment.protocols;
    this.onEvent = environment.onEvent;
    this.#definition = definition;
    this.#link = this.#createLink(environment.backplane);
    this.#sender = new HubSender({
      manager: this.#manager,
      protocols: this.protocols,
      remote: this.#link,
    });
    this.clients = new AddressedHubClients<Client>(this.#sender);
    this.#callLimits = environment.callLimits;
    // The server's filters know nothing of this hub's types, its own know all: both get contexts of this hub.
    const filters = [...environment.filters, ...(definition.filters ?? [])] as readonly HubFilter<never>[];
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
    return this.#link?.state ?? 'none';
  }

  /** Joins the same hub of the other instances. */
  start(): void {
    this.#link?.start();
  }

  /** Leaves the other instances; connections are left as they are. Never rejects. */
  async leave(): Promise<void> {
    await this.#link?.close();
  }

  /** Gives a new connection its context; call before its life begins. */
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

  /** What the factory throws is kept until `connected`, where the client can be told. */
  #createItems(): { readonly items: Items; readonly error?: Error } {
    try {
      // Without a factory the items are typed as a plain record, which is what this is.
      return { items: this.#definition.createItems?.() ?? ({} as Items) };
    } catch (error) {
      return { items: {} as Items, error: toError(error) }; // no code of the hub gets to see these
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

  /** Runs the hub's `onBackpressure`, and does as it says. Never rejects. */
  async #backpressure(connection: HubConnection): Promise<void> {
    try {
      const verdict = await this.#definition.onBackpressure?.(this.#recordOf(connection).context);
      if (verdict === 'close') connection.close('slow_consumer');
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

  #createLink(settings: BackplaneSettings | undefined): HubLink | undefined {
    if (settings === undefined) return undefined;
    const { ticker, protocols, onEvent } = this;
    const [hub, channel, manager] = [this.path, pathKey(this.path), this.#manager];
    return new HubLink({ ...settings, hub, channel, manager, protocols, ticker, onEvent });
  }

  #recordOf(connection: HubConnection): HubRecord<Client, User, Items> {
    const record = this.#records.get(connection);
    if (record === undefined) throw new SignalRError('aborted', 'The connection was never admitted.');
    return record;
  }
}

/** What the hub keeps for a connection; `context` is the one of its hooks. */
interface HubRecord<Client, User, Items> extends ConnectionRecord {
  readonly context: HubContext<Client, User, Items>;
  contextFor(scope: CallScope): HubContext<Client, User, Items>;
  /** What `createItems` threw: then no other code of the hub runs for this connection. */
  readonly admissionError: Error | undefined;
}

function summaryOf(connection: HubConnection): ConnectionSummary {
  return { connectionId: connection.connectionId, userId: connection.principal.userId };
}
