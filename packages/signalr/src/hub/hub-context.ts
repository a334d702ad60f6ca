/*
 * What a hub method knows about the connection that called it. One object per connection, for its whole life.
 */
import type { HubConnection } from '../connection/hub-connection.js';
import { type HubCallerClients, LocalHubCallerClients } from './hub-clients.js';
import type { HubLifetimeManager } from './hub-lifetime-manager.js';

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

/** Groups of the connection at hand. Changes take effect at once: the very next send sees them. */
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
 * @typeParam Client what the hub's clients can be sent
 * @typeParam User what `authenticate` yields
 * @typeParam Items per-connection state
 */
export interface HubContext<Client, User, Items> {
  /** Public: other clients may see it. */
  readonly connectionId: string;
  /** The id that `authenticate` gave, or null for an anonymous connection. */
  readonly userId: string | null;
  readonly user: User;
  /** State of this connection, from `createItems`. */
  readonly items: Items;
  readonly clients: HubCallerClients<Client>;
  readonly groups: ConnectionGroups;
  /** Aborted as soon as the connection is ending, also while a method runs. */
  readonly signal: AbortSignal;
  readonly request: RequestInfo;
  /**
   * Resolves when nothing waits for this client in the server's queue any more, or when the connection is ending: for sending
   * much without filling the queue. It says nothing about what the client has read.
   */
  flushed(): Promise<void>;
  /** Ends the connection, telling the client not to reconnect. What was sent before still goes out. */
  abort(): void;
}

/** See {@link HubContext}. */
export class ConnectionHubContext<Client, User, Items> implements HubContext<Client, User, Items> {
  readonly items: Items;
  readonly request: RequestInfo;
  readonly #connection: HubConnection;
  readonly #manager: HubLifetimeManager;
  #clients: HubCallerClients<Client> | undefined;

  constructor(
    connection: HubConnection,
    manager: HubLifetimeManager,
    own: { items: Items; request: RequestInfo },
  ) {
    this.#connection = connection;
    this.#manager = manager;
    this.items = own.items;
    this.request = own.request;
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
    this.#clients ??= new LocalHubCallerClients<Client>(this.#manager, this.#connection);
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

  flushed(): Promise<void> {
    return this.#connection.flushed();
  }

  abort(): void {
    this.#connection.close('aborted');
  }
}
