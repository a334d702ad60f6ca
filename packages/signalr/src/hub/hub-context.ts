/*
 * The connection that called a hub method, and the call. Each call has its own context object; `items` belongs to the connection.
 */
import type { HubConnection } from '../connection/hub-connection.js';
import type { CallScope } from './call-scope.js';
import { AddressedHubCallerClients, type HubCallerClients } from './hub-clients.js';
import type { HubLifetimeManager } from './hub-lifetime-manager.js';
import type { HubSender } from './hub-sender.js';

/** The request that opened the connection. Headers and query may hold credentials: do not log them whole. */
export interface RequestInfo {
  /** The path as it was requested, without the query. */
  readonly path: string;
  /** Query values; keys in lower case. */
  readonly query: ReadonlyMap<string, string>;
  /** Header values; keys in lower case, as Node gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly remoteAddress: string | undefined;
}

/** Groups of this connection. Changes take effect at once: the next send sees them. */
export interface ConnectionGroups {
  /** Adding twice is harmless. False when the connection has ended already. */
  add(group: string): boolean;
  /** False when it was not a member. */
  remove(group: string): boolean;
  /** The groups this connection is in, in the order of joining. */
  list(): readonly string[];
}

/**
 * The caller, passed to every hook and method.
 * @typeParam Client the messages that the hub's clients can be sent
 * @typeParam User the result of `authenticate`
 * @typeParam Items per-connection state
 */
export interface HubContext<Client, User, Items> {
  /** The path the hub is mapped to. */
  readonly hub: string;
  /** Public: other clients may see it. */
  readonly connectionId: string;
  /** The id that `authenticate` returned, or null for an anonymous connection. */
  readonly userId: string | null;
  readonly user: User;
  /** State of this connection, from `createItems`. */
  readonly items: Items;
  readonly clients: HubCallerClients<Client>;
  readonly groups: ConnectionGroups;
  /** Aborted as soon as the connection is ending, even while a method runs. */
  readonly signal: AbortSignal;
  /**
   * Aborted when the client cancels this call, or is gone while it runs. For streams, and for calls of clients that can cancel them.
   */
  readonly cancelSignal: AbortSignal;
  /** String headers that the client put on the message; empty for most clients, and in hooks. */
  readonly headers: Readonly<Record<string, string>>;
  readonly request: RequestInfo;
  /**
   * Resolves when the server's queue for this client is empty, or when the connection is ending: await it to send much without filling
   * the queue. It does not mean that the client has read anything.
   */
  flushed(): Promise<void>;
  /** Ends the connection and tells the client not to reconnect. Messages sent before still go out. */
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

  /** @param scope the call; absent in hooks */
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

  get user(): User {
    // Set by this very hub's `authenticate`, whose result type is checked where the hub is mapped.
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
    return this.#scope?.signal ?? this.#connection.signal;
  }

  get headers(): Readonly<Record<string, string>> {
    return this.#scope?.headers ?? NO_HEADERS;
  }

  flushed(): Promise<void> {
    return this.#connection.flushed();
  }

  abort(): void {
    this.#connection.close('aborted');
  }
}
