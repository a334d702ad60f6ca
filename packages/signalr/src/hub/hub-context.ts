/*
 * The context that a hub method receives: the connection of its caller, and the call. Each call has its own context object. All
 * contexts of a connection share `items`.
 */
import type { HubConnection } from '../connection/hub-connection.js';
import type { RequestInfo } from '../connection/request-info.js';
import type { Authenticated } from '../http/authenticate.js';
import type { TransportName } from '../protocol/negotiate.js';
import type { CallScope } from './call-scope.js';
import { AddressedHubCallerClients, type HubCallerClients } from './hub-clients.js';
import type { HubLifetimeManager } from './hub-lifetime-manager.js';
import type { HubSender } from './hub-sender.js';

/** The groups of this connection. A change takes effect immediately, before the next send. @beta */
export interface ConnectionGroups {
  /** Adds the connection to a group. Has no effect if it is a member already. Returns false if the connection has ended. */
  add(group: string): boolean;
  /** Removes the connection from a group. Returns false if it was not a member. */
  remove(group: string): boolean;
  /** The groups this connection is in, in the order of joining. */
  list(): readonly string[];
}

/**
 * The calling connection, passed to every hook and method.
 * @typeParam Client the messages that the hub can send to its clients
 * @typeParam User the type of `user` in the result of `authenticate`
 * @typeParam Items the type of the state of a connection
 * @beta
 */
export interface HubContext<Client, User, Items> {
  /** The path that the hub is mapped to. */
  readonly hub: string;
  /** The id of the connection. The id is public, so other clients may see it. */
  readonly connectionId: string;
  /** The id that `authenticate` returned, or null for an anonymous connection. */
  readonly userId: string | null;
  readonly user: User;
  /** The transport of the connection. */
  readonly transport: TransportName;
  /** The hub protocol that the client has chosen: `json` or `messagepack`. */
  readonly protocol: string;
  /** The state of this connection, from `createItems`. */
  readonly items: Items;
  readonly clients: HubCallerClients<Client>;
  readonly groups: ConnectionGroups;
  /** Aborted as soon as the connection begins to end, even while a method runs. */
  readonly signal: AbortSignal;
  /**
   * Aborted when the client cancels this call, or when the connection ends while the call runs. A client can cancel streams and
   * calls that have an invocation id. In any other call, the signal is that of the connection, as in ASP.NET Core.
   */
  readonly cancelSignal: AbortSignal;
  /** The string headers that the client put on the message. Empty in hooks, and for most clients. */
  readonly headers: Readonly<Record<string, string>>;
  readonly request: RequestInfo;
  /**
   * Resolves when the server's outbound queue for this client is empty, or when the connection is ending. Await it between
   * sends, so that many sends do not fill the queue. The client may not have read the messages yet.
   */
  flushed(): Promise<void>;
  /**
   * Gives the connection fresh credentials of the same user, for example from a method to which the client has sent a new token. Takes
   * effect at once, also for `closeOnAuthenticationExpiration`. Does not run the hook `onAuthenticationRefreshed`.
   * @returns false if the credentials belong to another user id, or are older than the present ones. Nothing has changed then
   */
  refreshAuthentication(credentials: Authenticated<User>): boolean;
  /** Ends the connection and tells the client not to reconnect. Messages that were queued before are still sent. */
  abort(): void;
}

/** Constructor dependencies of {@link ConnectionHubContext}. */
export interface HubContextDependencies<Items> {
  readonly connection: HubConnection;
  readonly manager: HubLifetimeManager;
  readonly sender: HubSender;
  readonly items: Items;
  readonly request: RequestInfo;
}

const NO_HEADERS: Readonly<Record<string, string>> = Object.freeze({});

/** See {@link HubContext}. */
export class ConnectionHubContext<Client, User, Items> implements HubContext<Client, User, Items> {
  readonly #dependencies: HubContextDependencies<Items>;
  readonly #scope: CallScope | undefined;
  #clients: HubCallerClients<Client> | undefined;

  /** @param scope the call. Undefined in `onConnected`, `onDisconnected` and `onBackpressure` */
  constructor(dependencies: HubContextDependencies<Items>, scope: CallScope | undefined) {
    this.#dependencies = dependencies;
    this.#scope = scope;
  }

  get #connection(): HubConnection {
    return this.#dependencies.connection;
  }

  get #manager(): HubLifetimeManager {
    return this.#dependencies.manager;
  }

  get items(): Items {
    return this.#dependencies.items;
  }

  get request(): RequestInfo {
    return this.#dependencies.request;
  }

  get hub(): string {
    return this.#connection.identity.hub;
  }

  get connectionId(): string {
    return this.#connection.connectionId;
  }

  get userId(): string | null {
    return this.#connection.principal.userId;
  }

  get transport(): TransportName {
    return this.#connection.identity.transport;
  }

  get protocol(): string {
    // The client chooses the protocol in the handshake. Hooks and methods run only after it.
    return this.#connection.protocol?.name ?? '';
  }

  get user(): User {
    // The cast is safe: this hub's own `authenticate` returned the user, and `mapHub` checks the type of its result.
    return this.#connection.principal.user as User;
  }

  get clients(): HubCallerClients<Client> {
    this.#clients ??= new AddressedHubCallerClients<Client>(
      this.#dependencies.sender,
      this.connectionId,
      this.#scope,
    );
    return this.#clients;
  }

  get groups(): ConnectionGroups {
    const { connectionId } = this.#connection;
    return {
      add: (group) => this.#manager.addToGroup(connectionId, group),
      remove: (group) => this.#manager.removeFromGroup(connectionId, group),
      list: () => [...(this.#connection.groups ?? [])],
    };
  }

  get signal(): AbortSignal {
    return this.#connection.signal;
  }

  get cancelSignal(): AbortSignal {
    return this.#scope?.hasId === true ? this.#scope.signal : this.#connection.signal;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#scope?.headers ?? NO_HEADERS;
  }

  flushed(): Promise<void> {
    return this.#connection.flushed();
  }

  refreshAuthentication(credentials: Authenticated<User>): boolean {
    this.#connection.updatePrincipal(credentials);
    return this.#connection.principal === credentials;
  }

  abort(): void {
    this.#connection.close('aborted');
  }
}
