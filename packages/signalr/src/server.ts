/*
 * The SignalR server: maps hubs and raw connections to paths, attaches them to HTTP servers, and closes them together.
 */
import { atLeast, checkOptions, nearestName, type OptionRules } from '@millrace/internal';
import { HubLink } from './backplane/hub-link.js';
import { type BudgetOwnerOf, resolveClientLimits } from './budgets/client-limits.js';
import type { ConnectionApplication } from './connection/connection-application.js';
import { Ticker } from './connection/ticker.js';
import { closeInWaves, DRAIN_RULES, type DrainOptions } from './drain.js';
import { invalidOption, SignalRError } from './errors.js';
import { createEventSink } from './events.js';
import { type AttachableServer, attachToServer } from './http/attach.js';
import { ConnectionStore } from './http/connection-store.js';
import { HubEndpoint, type HubEndpointDependencies } from './http/hub-endpoint.js';
import {
  MAP_CONNECTION_RULES,
  MAP_HUB_RULES,
  type MapConnectionOptions,
  type MapHubOptions,
} from './http/map-options.js';
import { type AnyHubEndpoint, RequestRouter } from './http/request-router.js';
import { pathKey } from './http/request-target.js';
import type { HubContext } from './hub/hub-context.js';
import type { HubDefinition, HubMethodsOf } from './hub/hub-definition.js';
import { HubLifetimeManager } from './hub/hub-lifetime-manager.js';
import { type HubDependencies, MappedHub } from './hub/mapped-hub.js';
import type { RemoteHub } from './hub/remote-hub.js';
import { Instances } from './instances/instances.js';
import type { EndpointListeners, ListenableHub } from './listeners/hub-listeners.js';
import {
  limitsOfHub,
  limitsOfRaw,
  type ResolvedOptions,
  resolveOptions,
  type SignalRServerOptions,
} from './options.js';
import { jsonHubProtocol } from './protocol/json-hub-protocol.js';
import { messagePackHubProtocol } from './protocol/message-pack-hub-protocol.js';
import { TRANSPORT_NAMES } from './protocol/negotiate.js';
import { MappedConnections } from './raw/mapped-connections.js';
import type { ConnectionHandler } from './raw/raw-connection.js';
import { MAXIMUM_ANSWER_BYTES } from './transports/long-polling-transport.js';

/** The options of `close`. @beta */
export interface CloseOptions {
  /** Time after which connections that are still open are aborted. @defaultValue 5_000 */
  readonly withinMs?: number;
}

const CLOSE_RULES: OptionRules<CloseOptions> = { withinMs: atLeast(0) };

/** A SignalR server. It opens no socket: attach it to one or more HTTP servers. @beta */
export interface SignalRServer extends AsyncDisposable {
  /**
   * Serves a hub at a path. Requests match the path without regard to case or a trailing slash.
   * @throws SignalRError `duplicate_path`, `invalid_argument`, `invalid_option`, `server_closed`
   */
  mapHub<Client, User, Items, Methods extends HubMethodsOf<HubContext<Client, User, Items>>>(
    path: string,
    definition: HubDefinition<Client, User, Items, Methods>,
    ...options: undefined extends User ? [options?: MapHubOptions<User>] : [options: MapHubOptions<User>]
  ): ListenableHub<Client, User, Items>;
  /**
   * Serves raw connections at a path, as `MapConnectionHandler` of ASP.NET Core does: with negotiation and all transports of
   * SignalR, but without a hub protocol. `handler` runs once for each connection. The connection is closed when it returns.
   * Requests match the path without regard to case or a trailing slash.
   * @throws SignalRError `duplicate_path`, `invalid_argument`, `invalid_option`, `server_closed`
   */
  mapConnection<User = undefined>(
    path: string,
    handler: ConnectionHandler<User>,
    ...options: undefined extends User
      ? [options?: MapConnectionOptions<User>]
      : [options: MapConnectionOptions<User>]
  ): void;
  /**
   * Handles the HTTP server's requests and upgrades for mapped paths. Everything else reaches the HTTP server's other
   * listeners, even those that are added later. Hubs may be mapped before or after this call.
   * @throws SignalRError `server_closed`
   */
  attach(httpServer: AttachableServer): void;
  /**
   * Empties the server gradually, so that its clients reconnect elsewhere. Refuses new clients with 503 and `Retry-After`.
   * Closes the existing connections in waves over `withinMs`, and serves each of them normally until its wave.
   *
   * Resolves when no connection is left, at the latest `closeTimeoutMs` and one tick after the last wave. Never rejects.
   * Later calls return the promise of the first call. `close` ends a drain early.
   * @throws SignalRError `invalid_option` (synchronously)
   */
  drain(options?: DrainOptions): Promise<void>;
  /**
   * Refuses new clients with 503 and closes all connections, so that their clients reconnect elsewhere. Waits at most
   * `withinMs` until the connections have ended and `onDisconnected` has run for each of them. Does not close the HTTP
   * servers and the backplane. Never rejects.
   * @throws SignalRError `invalid_option` (synchronously)
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
 * @beta
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
  ): ListenableHub<Client, User, Items> {
    this.#checkOpen();
    // The rules contain every option, whatever the user's type is.
    const checked: object = checkOptions<object>(given, MAP_HUB_RULES, invalidOption, nearestName);
    const options = checked as MapHubOptions<User>;
    this.#checkPath(path);
    const { limits, callLimits } = limitsOfHub(this.#options, options.limits);
    const manager = new HubLifetimeManager();
    const remote = this.#createRemoteHub(path, manager);
    const hub = new MappedHub<Client, User, Items>(path, definition, {
      ...this.#hubDependencies,
      callLimits,
      acceptsBigints: options.bigint ?? false,
      manager,
      remote,
    });
    const allowStatefulReconnects = options.allowStatefulReconnects ?? false;
    const endpoint = this.#createEndpoint(hub, { limits, allowStatefulReconnects }, options);
    this.#router.add(path, endpoint);
    hub.start();
    // The cast is safe: the application of this endpoint is this hub, so its listeners have the types of this hub.
    const listeners = endpoint.listeners as unknown as EndpointListeners<Client, User, Items>;
    return Object.assign(hub, { listeners });
  }

  mapConnection<User = undefined>(
    path: string,
    handler: ConnectionHandler<User>,
    given: MapConnectionOptions<User> = {} as MapConnectionOptions<User>,
  ): void {
    this.#checkOpen();
    const checked: object = checkOptions<object>(given, MAP_CONNECTION_RULES, invalidOption, nearestName);
    const options = checked as MapConnectionOptions<User>;
    this.#checkPath(path);
    if (typeof handler !== 'function') {
      throw new SignalRError(
        'invalid_argument',
        `The handler of ${path} must be a function, not ${typeof handler}.`,
      );
    }
    const { ticker, onEvent } = this.#hubDependencies;
    const connections = new MappedConnections(path, handler, { ticker, onEvent });
    const own = { limits: limitsOfRaw(this.#options, options.limits), allowStatefulReconnects: false };
    this.#router.add(path, this.#createEndpoint(connections, own, options));
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

  /** Refuses a path that is invalid or already mapped. */
  #checkPath(path: string): void {
    if (!path.startsWith('/') || /[?#]/.test(path)) {
      throw new SignalRError(
        'invalid_argument',
        `A path must begin with a slash and must not have a query: ${path}`,
      );
    }
    if (this.#router.has(path)) {
      throw new SignalRError('duplicate_path', `The path ${path} is mapped already; case does not count.`);
    }
  }

  #createEndpoint<User>(
    application: ConnectionApplication,
    own: Pick<HubEndpointDependencies<User>, 'allowStatefulReconnects'> & Pick<ResolvedOptions, 'limits'>,
    options: MapConnectionOptions<User>,
  ): HubEndpoint<User> {
    const { ticker } = this.#hubDependencies;
    const instances = this.#createInstances(application.path);
    const { pollTimeoutMs, disconnectTimeoutMs, statefulReconnectBufferBytes } = this.#options;
    return new HubEndpoint(application, {
      limits: {
        ...own.limits,
        closeOnAuthenticationExpiration: options.closeOnAuthenticationExpiration ?? false,
      },
      enableAuthenticationRefresh: options.enableAuthenticationRefresh ?? false,
      resumptionLimits: { disconnectTimeoutMs, statefulReconnectBufferBytes },
      allowStatefulReconnects: own.allowStatefulReconnects,
      pollLimits: {
        pollTimeoutMs,
        disconnectTimeoutMs,
        // A message of a raw connection is never put into one answer with another message, because nothing would separate the
        // two.
        maximumAnswerBytes: application.isRaw ? 1 : MAXIMUM_ANSWER_BYTES,
      },
      store: new ConnectionStore(
        ticker,
        { maximumPending: this.#options.maximumPendingConnections, timeoutMs: disconnectTimeoutMs },
        instances?.tokens,
      ),
      instances,
      transports: new Set(options.transports ?? TRANSPORT_NAMES),
      redirectNegotiate: options.redirectNegotiate,
      onNegotiate: options.onNegotiate,
      clientLimits: options.clientLimits && resolveClientLimits(options.clientLimits),
      // The cast is safe: the function receives only users from this endpoint's own `authenticate`.
      budgetOwnerOf: options.clientLimits?.ownerOf as BudgetOwnerOf<unknown> | undefined,
      maximumTransportMessageBytes: this.#options.maximumTransportMessageBytes,
      minimumNegotiateVersion: this.#options.minimumNegotiateVersion,
      authenticate: options.authenticate,
      allowedOrigins: options.allowedOrigins,
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
    // The timeout includes `pollTimeoutMs`, because the other instance may hold a forwarded poll for that long.
    const timeoutMs = pollTimeoutMs + disconnectTimeoutMs;
    return instances === undefined ? undefined : new Instances(instances, pathKey(hubPath), { timeoutMs });
  }

  async #drain(withinMs: number, after: Promise<unknown> | undefined): Promise<void> {
    const endpoints = this.#stopAccepting();
    // The caller of `drain` handles a rejection of `after`.
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
    // The hubs disconnect from the other instances last, because `onDisconnected` may send messages to them.
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
