/*
 * The SignalR server: maps hubs to paths, attaches them to HTTP servers, and closes them together.
 */
import {
  atLeast,
  callback,
  checkOptions,
  flag,
  nearestName,
  type OptionRules,
  objectWith,
} from '@millrace/internal';
import { HubLink } from './backplane/hub-link.js';
import {
  type BudgetOwnerOf,
  type ClientLimitOptions,
  type ClientLimits,
  resolveClientLimits,
} from './budgets/client-limits.js';
import { Ticker } from './connection/ticker.js';
import { closeInWaves, DRAIN_RULES, type DrainOptions } from './drain.js';
import { invalidOption, SignalRError } from './errors.js';
import { createEventSink } from './events.js';
import { type AttachableServer, attachToServer } from './http/attach.js';
import type { Authenticate } from './http/authenticate.js';
import { ConnectionStore } from './http/connection-store.js';
import { HubEndpoint } from './http/hub-endpoint.js';
import type { OnNegotiate, RedirectNegotiate } from './http/negotiation.js';
import { type AllowedOrigins, ORIGINS_RULE } from './http/origin-policy.js';
import { type AnyHubEndpoint, RequestRouter } from './http/request-router.js';
import { pathKey } from './http/request-target.js';
import type { HubContext } from './hub/hub-context.js';
import type { HubDefinition, HubMethodsOf } from './hub/hub-definition.js';
import { HubLifetimeManager } from './hub/hub-lifetime-manager.js';
import { type Hub, type HubDependencies, MappedHub } from './hub/mapped-hub.js';
import type { RemoteHub } from './hub/remote-hub.js';
import { Instances } from './instances/instances.js';
import {
  type HubLimits,
  limitsOfHub,
  type ResolvedOptions,
  resolveOptions,
  type SignalRServerOptions,
} from './options.js';
import { jsonHubProtocol } from './protocol/json-hub-protocol.js';
import { messagePackHubProtocol } from './protocol/message-pack-hub-protocol.js';
import { TRANSPORT_NAMES, TRANSPORTS_RULE, type TransportName } from './protocol/negotiate.js';

/** The options of a mapped hub. `authenticate` is required if the hub is declared with a user type. */
export type MapHubOptions<User> = {
  /** The origins whose pages may connect. @defaultValue pages of the same host only */
  readonly allowedOrigins?: AllowedOrigins;
  /**
   * The transports that the server offers, always in this order: WebSockets, server-sent events, long polling.
   * @defaultValue all three
   */
  readonly transports?: readonly TransportName[];
  /**
   * Allows stateful reconnect. A client that requests stateful reconnect may continue over another WebSocket
   * after it lost its WebSocket, and loses no messages. The server keeps the bytes that the client has not
   * acknowledged. @defaultValue false
   */
  readonly allowStatefulReconnects?: boolean;
  /**
   * Closes a connection when its newest credentials expire (`expiresAtMs` in the result of `authenticate`). The client may
   * reconnect.
   * @defaultValue false
   */
  readonly closeOnAuthenticationExpiration?: boolean;
  /**
   * Serves `POST {path}/refresh`, to which clients of .NET 11 send fresh credentials for an open connection. The header
   * `X-SignalR-Connection-Token` holds the token of the connection. The credentials must belong to the same user. With this option,
   * answers to negotiate requests contain `tokenLifetimeSeconds`.
   * @defaultValue false
   */
  readonly enableAuthenticationRefresh?: boolean;
  /**
   * Passes integers beyond ±(2^53 − 1) to the hub as bigints with all their digits. This applies to
   * arguments, items of streams and answers of clients, over both protocols. Without the option, a call with
   * such an integer fails with an error that names the argument, because a number cannot hold the integer.
   * Results may contain bigints of up to 64 bits, with or without this option. @defaultValue false
   */
  readonly bigint?: boolean;
  /** Limits of this hub. Each replaces the option of the server with the same name. @defaultValue the limits of the server */
  readonly limits?: HubLimits;
  /**
   * Adds headers to the response of a negotiate request, for example a cookie for a load balancer. Called after `authenticate`. If it
   * throws, the client receives 500 and the error is reported. @defaultValue no headers
   */
  readonly onNegotiate?: OnNegotiate;
  /**
   * Limits what one user may do, over all of the user's connections: messages, connections and negotiations. @defaultValue no limits
   */
  readonly clientLimits?: ClientLimitOptions<User>;
  /** Redirects clients when they negotiate. @defaultValue no redirect */
  readonly redirectNegotiate?: RedirectNegotiate;
} & (undefined extends User
  ? { readonly authenticate?: Authenticate<User> }
  : { readonly authenticate: Authenticate<User> });

const MAP_HUB_RULES: OptionRules<MapHubOptions<undefined>> = {
  allowedOrigins: ORIGINS_RULE,
  transports: TRANSPORTS_RULE,
  allowStatefulReconnects: flag,
  closeOnAuthenticationExpiration: flag,
  enableAuthenticationRefresh: flag,
  bigint: flag,
  limits: objectWith([]),
  onNegotiate: callback,
  clientLimits: objectWith([]),
  redirectNegotiate: callback,
  authenticate: callback,
};

/** The options of `close`. */
export interface CloseOptions {
  /** Time after which connections that are still open are aborted. @defaultValue 5_000 */
  readonly withinMs?: number;
}

const CLOSE_RULES: OptionRules<CloseOptions> = { withinMs: atLeast(0) };

/** A SignalR server. It opens no socket: attach it to one or more HTTP servers. */
export interface SignalRServer extends AsyncDisposable {
  /**
   * Serves a hub at a path. Requests match the path without regard to case or a trailing slash.
   * @throws SignalRError `duplicate_path`, `invalid_argument`, `invalid_option`, `server_closed`
   */
  mapHub<Client, User, Items, Methods extends HubMethodsOf<HubContext<Client, User, Items>>>(
    path: string,
    definition: HubDefinition<Client, User, Items, Methods>,
    ...options: undefined extends User ? [options?: MapHubOptions<User>] : [options: MapHubOptions<User>]
  ): Hub<Client>;
  /**
   * Handles the HTTP server's requests and upgrades for mapped paths. All other requests and upgrades reach the HTTP server's other
   * listeners, including listeners that are added after this call. Hubs may be mapped before or after this call.
   * @throws SignalRError `server_closed`
   */
  attach(httpServer: AttachableServer): void;
  /**
   * Empties the server gradually, so that its clients reconnect elsewhere. Refuses new clients with 503 and
   * `Retry-After`, and closes the existing connections in waves that are spread evenly over `withinMs`. Until
   * its wave, a connection is served normally. The promise resolves when no connection is left, or at the
   * latest `closeTimeoutMs` and one tick after the last wave. It never rejects. Later calls return the
   * promise of the first call. `close` ends a drain early.
   * @throws SignalRError `invalid_option` (synchronously)
   */
  drain(options?: DrainOptions): Promise<void>;
  /**
   * Refuses new clients with 503 and closes all connections, so that their clients reconnect elsewhere. Waits at most `withinMs`
   * until the connections have ended and `onDisconnected` has run for each of them. Never rejects, but throws `invalid_option`
   * synchronously. Does not close the HTTP servers
   * and the backplane.
   */
  close(options?: CloseOptions): Promise<void>;
}

/**
 * Creates a server without hubs.
 * @throws SignalRError `invalid_option`
 *
 * @example
 * ```ts
 * const signalr = createSignalRServer({ clientTimeoutMs: 60_000 });
 * const hub = signalr.mapHub('/hubs/chat', chat); // declared with defineHub
 * const http = createServer();
 * signalr.attach(http);
 * http.listen(4400);
 * hub.clients.all.send('message', 'server', 'hello');
 * ```
 */
export function createSignalRServer(options: SignalRServerOptions = {}): SignalRServer {
  return new NodeSignalRServer(resolveOptions(options));
}

class NodeSignalRServer implements SignalRServer {
  readonly #options: ResolvedOptions;
  /** The dependencies that all hubs share. */
  readonly #hubDependencies: Omit<HubDependencies, 'manager' | 'remote' | 'callLimits' | 'acceptsBigints'>;
  readonly #router = new RequestRouter();
  #detachers: (() => void)[] = [];
  #draining: Promise<void> | undefined;
  /** Ends the waves of a drain. */
  #stopWaves: () => void = () => {};
  #closing: Promise<void> | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#hubDependencies = {
      ticker: new Ticker(options.clock, options.tickIntervalMs),
      protocols: [jsonHubProtocol, messagePackHubProtocol],
      onEvent: createEventSink(options.onEvent),
      filters: options.filters,
    };
  }

  mapHub<Client, User, Items, Methods extends HubMethodsOf<HubContext<Client, User, Items>>>(
    path: string,
    definition: HubDefinition<Client, User, Items, Methods>,
    given: MapHubOptions<User> = {} as MapHubOptions<User>,
  ): Hub<Client> {
    this.#checkOpen();
    // The type of the rules has every option, whatever the user's type is.
    const checked: object = checkOptions<object>(given, MAP_HUB_RULES, invalidOption, nearestName);
    const options = checked as MapHubOptions<User>;
    if (!path.startsWith('/') || /[?#]/.test(path)) {
      throw new SignalRError(
        'invalid_argument',
        `The path of a hub must begin with a slash and must not have a query: ${path}`,
      );
    }
    if (this.#router.has(path)) {
      throw new SignalRError('duplicate_path', `There is a hub at ${path} already; case does not count.`);
    }
    const clientLimits = options.clientLimits && resolveClientLimits(options.clientLimits);
    const { limits, callLimits } = limitsOfHub(this.#options, options?.limits);
    const manager = new HubLifetimeManager();
    const remote = this.#createRemoteHub(path, manager);
    const hub = new MappedHub<Client, User, Items>(path, definition, {
      ...this.#hubDependencies,
      callLimits,
      acceptsBigints: options.bigint ?? false,
      manager,
      remote,
    });
    this.#router.add(path, this.#createEndpoint(hub, { limits, clientLimits }, options));
    hub.start();
    return hub;
  }

  attach(httpServer: AttachableServer): void {
    this.#checkOpen();
    this.#detachers.push(attachToServer(httpServer, (url) => this.#router.find(url)));
  }

  drain(options: DrainOptions = {}): Promise<void> {
    const { withinMs = 10_000, after } = checkOptions(options, DRAIN_RULES, invalidOption, nearestName);
    if (this.#closing !== undefined) return this.#closing;
    this.#draining ??= this.#drain(withinMs, after);
    return this.#draining;
  }

  close(options: CloseOptions = {}): Promise<void> {
    const { withinMs = 5_000 } = checkOptions(options, CLOSE_RULES, invalidOption, nearestName);
    this.#closing ??= this.#close(withinMs);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #createEndpoint<Client, User, Items>(
    hub: MappedHub<Client, User, Items>,
    { limits, clientLimits }: { limits: ResolvedOptions['limits']; clientLimits: ClientLimits | undefined },
    options: MapHubOptions<User> | undefined,
  ): HubEndpoint<Client, User, Items> {
    const { ticker } = this.#hubDependencies;
    const instances = this.#createInstances(hub.path);
    const { pollTimeoutMs, disconnectTimeoutMs, statefulReconnectBufferBytes } = this.#options;
    return new HubEndpoint(hub, {
      limits: {
        ...limits,
        closeOnAuthenticationExpiration: options?.closeOnAuthenticationExpiration ?? false,
      },
      enableAuthenticationRefresh: options?.enableAuthenticationRefresh ?? false,
      resumptionLimits: { disconnectTimeoutMs, statefulReconnectBufferBytes },
      allowStatefulReconnects: options?.allowStatefulReconnects ?? false,
      pollLimits: { pollTimeoutMs, disconnectTimeoutMs },
      store: new ConnectionStore(
        ticker,
        { maximumPending: this.#options.maximumPendingConnections, timeoutMs: disconnectTimeoutMs },
        instances?.tokens,
      ),
      instances,
      transports: new Set(options?.transports ?? TRANSPORT_NAMES),
      redirectNegotiate: options?.redirectNegotiate,
      onNegotiate: options?.onNegotiate,
      clientLimits,
      // The cast is safe: the function receives only users that this hub's own `authenticate` has returned.
      budgetOwnerOf: options?.clientLimits?.ownerOf as BudgetOwnerOf<unknown> | undefined,
      maximumTransportMessageBytes: this.#options.maximumTransportMessageBytes,
      minimumNegotiateVersion: this.#options.minimumNegotiateVersion,
      authenticate: options?.authenticate,
      allowedOrigins: options?.allowedOrigins,
    });
  }

  /** Creates the link to the same hub on the other instances. Returns undefined if there is no backplane. */
  #createRemoteHub(path: string, manager: HubLifetimeManager): RemoteHub | undefined {
    const { backplane, backplaneLimits: limits } = this.#options;
    if (backplane === undefined) return undefined;
    const { ticker, protocols, onEvent } = this.#hubDependencies;
    const channel = pathKey(path);
    return new HubLink({ backplane, limits, hub: path, channel, manager, protocols, ticker, onEvent });
  }

  #createInstances(hubPath: string): Instances | undefined {
    const { instances, pollTimeoutMs, disconnectTimeoutMs } = this.#options;
    // The instance that receives a forwarded poll may hold it for `pollTimeoutMs`, so the timeout includes that time.
    const timeoutMs = pollTimeoutMs + disconnectTimeoutMs;
    return instances === undefined ? undefined : new Instances(instances, pathKey(hubPath), { timeoutMs });
  }

  async #drain(withinMs: number, after: Promise<unknown> | undefined): Promise<void> {
    const endpoints = this.#stopAccepting();
    // A rejection of `after` is ignored here, because the caller of `drain` handles it.
    if (after !== undefined) await Promise.allSettled([after]);
    if (this.#closing !== undefined) return;
    const lives = endpoints.flatMap((endpoint) => [...endpoint.lives]);
    const connections = endpoints.flatMap((endpoint) => [...endpoint.connections]);
    const { clock, limits } = this.#options;
    this.#stopWaves = closeInWaves(clock, connections, withinMs);
    await this.#waitFor(Promise.all(lives), withinMs + limits.closeTimeoutMs);
  }

  #stopAccepting(): readonly AnyHubEndpoint[] {
    const { endpoints } = this.#router;
    for (const endpoint of endpoints) endpoint.stopAccepting();
    return endpoints;
  }

  async #close(withinMs: number): Promise<void> {
    const startedMs = this.#hubDependencies.ticker.monotonicMs();
    this.#stopWaves();
    const endpoints = this.#stopAccepting();
    const connections = endpoints.flatMap((endpoint) => [...endpoint.connections]);
    const lives = endpoints.flatMap((endpoint) => [...endpoint.lives]);
    for (const connection of connections) connection.close('server_closed');
    await this.#waitFor(Promise.all(lives), withinMs);
    for (const connection of connections) connection.abort();
    // The hubs disconnect from the other instances last, because every `onDisconnected` may send messages to
    // other instances.
    const leaving = Promise.all(endpoints.map((endpoint) => endpoint.close()));
    for (const detach of this.#detachers) detach();
    this.#detachers = [];
    this.#router.clear();
    await this.#waitFor(leaving, withinMs - (this.#hubDependencies.ticker.monotonicMs() - startedMs));
  }

  /** Resolves when the work is done or the time is over, whichever comes first. */
  async #waitFor(work: Promise<unknown>, withinMs: number): Promise<void> {
    const { ticker } = this.#hubDependencies;
    const deadlineMs = ticker.monotonicMs() + withinMs;
    let expire: () => void = () => {};
    const expired = new Promise<void>((resolve) => {
      expire = resolve;
    });
    const listener = {
      onTick: (nowMs: number) => {
        if (nowMs >= deadlineMs) expire();
      },
    };
    ticker.add(listener);
    await Promise.race([work, expired]);
    ticker.remove(listener);
  }

  #checkOpen(): void {
    if (this.#closing !== undefined || this.#draining !== undefined)
      throw new SignalRError('server_closed', 'The server has been closed.');
  }
}
