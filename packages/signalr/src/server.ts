/*
 * The server: hubs at paths, attached to HTTP servers, closed together.
 */
import { HubLink } from './backplane/hub-link.js';
import { Ticker } from './connection/ticker.js';
import { closeInWaves, type DrainOptions } from './drain.js';
import { SignalRError } from './errors.js';
import { createEventSink } from './events.js';
import { type AttachableServer, attachToServer } from './http/attach.js';
import type { Authenticate } from './http/authenticate.js';
import { ConnectionStore } from './http/connection-store.js';
import { HubEndpoint } from './http/hub-endpoint.js';
import type { RedirectNegotiate } from './http/negotiation.js';
import type { AllowedOrigins } from './http/origin-policy.js';
import { type AnyHubEndpoint, RequestRouter } from './http/request-router.js';
import { pathKey } from './http/request-target.js';
import type { HubContext } from './hub/hub-context.js';
import type { HubDefinition, HubMethodsOf } from './hub/hub-definition.js';
import { HubLifetimeManager } from './hub/hub-lifetime-manager.js';
import { type Hub, type HubDependencies, MappedHub } from './hub/mapped-hub.js';
import type { RemoteHub } from './hub/remote-hub.js';
import { Instances } from './instances/instances.js';
import { type ResolvedOptions, resolveOptions, type SignalRServerOptions } from './options.js';
import { jsonHubProtocol } from './protocol/json-hub-protocol.js';
import { messagePackHubProtocol } from './protocol/message-pack-hub-protocol.js';
import type { TransportName } from './protocol/negotiate.js';

/** The options of a mapped hub. A hub that was declared with a user needs `authenticate`. */
export type MapHubOptions<User> = {
  /** The origins whose pages may connect. @defaultValue pages of the same host only */
  readonly allowedOrigins?: AllowedOrigins;
  /** The offered transports, always in this order: WebSockets, server-sent events, long polling. @defaultValue all three */
  readonly transports?: readonly TransportName[];
  /**
   * Allows stateful reconnect: a client that asks for it may lose its WebSocket and continue over another one without losing messages.
   * The server keeps the bytes that the client has not acknowledged. @defaultValue false
   */
  readonly allowStatefulReconnects?: boolean;
  /**
   * Closes a connection when the credentials of its last request expire (`expiresAtMs` of `authenticate`); its client may reconnect.
   * @defaultValue false
   */
  readonly closeOnAuthenticationExpiration?: boolean;
  /**
   * Serves `POST {path}/refresh`, as clients of .NET 11 use it: the connection whose token is in the header
   * `X-SignalR-Connection-Token` gets fresh credentials of the same user. Negotiate then sends `tokenLifetimeSeconds`.
   * @defaultValue false
   */
  readonly enableAuthenticationRefresh?: boolean;
  /** Redirects clients when they negotiate. @defaultValue no redirect */
  readonly redirectNegotiate?: RedirectNegotiate;
} & (undefined extends User
  ? { readonly authenticate?: Authenticate<User> }
  : { readonly authenticate: Authenticate<User> });

/** The options of `close`. */
export interface CloseOptions {
  /** After this, connections that are still open are aborted. @defaultValue 5_000 */
  readonly withinMs?: number;
}

/** A SignalR server. It opens no socket: attach it to one or more HTTP servers. */
export interface SignalRServer extends AsyncDisposable {
  /**
   * Serves a hub at a path, which is matched without regard to case and trailing slash.
   * @throws SignalRError `duplicate_path`, `invalid_argument`, `server_closed`
   */
  mapHub<Client, User, Items, Methods extends HubMethodsOf<HubContext<Client, User, Items>>>(
    path: string,
    definition: HubDefinition<Client, User, Items, Methods>,
    ...options: undefined extends User ? [options?: MapHubOptions<User>] : [options: MapHubOptions<User>]
  ): Hub<Client>;
  /**
   * Handles the requests and upgrades of the HTTP server under mapped paths; all others reach the server's other listeners, whether
   * these were added before or after. Hubs may be mapped later.
   * @throws SignalRError `server_closed`
   */
  attach(httpServer: AttachableServer): void;
  /**
   * Refuses new clients with 503 and `Retry-After`, and closes the connected ones in waves spread evenly over `withinMs`, so that they
   * reconnect elsewhere; until its wave a connection is served in full. Resolves when no connection is left, at the latest one
   * `closeTimeoutMs` and a tick after the last wave. Never rejects. Only the first call counts; `close` ends it early.
   * @throws SignalRError `invalid_argument`
   */
  drain(options?: DrainOptions): Promise<void>;
  /**
   * Refuses new clients with 503, closes all connections so that their clients reconnect elsewhere, and waits for their end,
   * `onDisconnected` included, but not longer than `withinMs`. Never rejects. Leaves the HTTP servers and the backplane open.
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
  /** Shared by all hubs. */
  readonly #hubDependencies: Omit<HubDependencies, 'manager' | 'remote'>;
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
      callLimits: options.callLimits,
      filters: options.filters,
    };
  }

  mapHub<Client, User, Items, Methods extends HubMethodsOf<HubContext<Client, User, Items>>>(
    path: string,
    definition: HubDefinition<Client, User, Items, Methods>,
    options?: MapHubOptions<User>,
  ): Hub<Client> {
    this.#checkOpen();
    if (!path.startsWith('/') || /[?#]/.test(path)) {
      throw new SignalRError(
        'invalid_argument',
        `The path of a hub must begin with a slash and must not have a query: ${path}`,
      );
    }
    if (this.#router.has(path)) {
      throw new SignalRError('duplicate_path', `There is a hub at ${path} already; case does not count.`);
    }
    const manager = new HubLifetimeManager();
    const remote = this.#createRemoteHub(path, manager);
    const hub = new MappedHub<Client, User, Items>(path, definition, {
      ...this.#hubDependencies,
      manager,
      remote,
    });
    this.#router.add(path, this.#createEndpoint(hub, options));
    hub.start();
    return hub;
  }

  attach(httpServer: AttachableServer): void {
    this.#checkOpen();
    this.#detachers.push(attachToServer(httpServer, (url) => this.#router.find(url)));
  }

  drain({ withinMs = 10_000, after }: DrainOptions = {}): Promise<void> {
    if (!(withinMs >= 0)) throw new SignalRError('invalid_argument', 'withinMs must be 0 or more.');
    if (this.#closing !== undefined) return this.#closing;
    this.#draining ??= this.#drain(withinMs, after);
    return this.#draining;
  }

  close(options: CloseOptions = {}): Promise<void> {
    this.#closing ??= this.#close(options.withinMs ?? 5_000);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #createEndpoint<Client, User, Items>(
    hub: MappedHub<Client, User, Items>,
    options: MapHubOptions<User> | undefined,
  ): HubEndpoint<Client, User, Items> {
    const { ticker } = this.#hubDependencies;
    const instances = this.#createInstances(hub.path);
    const { pollTimeoutMs, disconnectTimeoutMs, statefulReconnectBufferBytes } = this.#options;
    return new HubEndpoint(hub, {
      limits: {
        ...this.#options.limits,
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
      transports: new Set(options?.transports ?? ['WebSockets', 'ServerSentEvents', 'LongPolling']),
      redirectNegotiate: options?.redirectNegotiate,
      maximumTransportMessageBytes: this.#options.maximumTransportMessageBytes,
      minimumNegotiateVersion: this.#options.minimumNegotiateVersion,
      authenticate: options?.authenticate,
      allowedOrigins: options?.allowedOrigins,
    });
  }

  /** The same hub on the other instances, reached through the backplane; absent without one. */
  #createRemoteHub(path: string, manager: HubLifetimeManager): RemoteHub | undefined {
    const { backplane, backplaneLimits: limits } = this.#options;
    if (backplane === undefined) return undefined;
    const { ticker, protocols, onEvent } = this.#hubDependencies;
    const channel = pathKey(path);
    return new HubLink({ backplane, limits, hub: path, channel, manager, protocols, ticker, onEvent });
  }

  #createInstances(hubPath: string): Instances | undefined {
    const { instances, pollTimeoutMs, disconnectTimeoutMs } = this.#options;
    // The other instance may hold a poll for as long as this one would.
    const timeoutMs = pollTimeoutMs + disconnectTimeoutMs;
    return instances === undefined ? undefined : new Instances(instances, pathKey(hubPath), { timeoutMs });
  }

  async #drain(withinMs: number, after: Promise<unknown> | undefined): Promise<void> {
    const endpoints = this.#stopAccepting();
    // Its owner handles its failure.
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
    // After the last `onDisconnected`, which may still send to the other instances.
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
