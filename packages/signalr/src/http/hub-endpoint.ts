/*
 * The HTTP endpoint of one hub or of one raw handler: checks each request and passes it to the part that answers it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ClientBudget, ClientBudgets } from '../budgets/client-budgets.js';
import type { BudgetOwnerOf, ClientLimits } from '../budgets/client-limits.js';
import { RefusalDelay } from '../budgets/refusal-delay.js';
import type { ConnectionApplication } from '../connection/connection-application.js';
import type { ConnectionLimits } from '../connection/connection-limits.js';
import type { HubConnection } from '../connection/hub-connection.js';
import type { RequestInfo } from '../connection/request-info.js';
import type { ForwardOutcome } from '../instances/forwarding.js';
import type { ConnectionLocation, Instances } from '../instances/instances.js';
import { EndpointListeners } from '../listeners/hub-listeners.js';
import type { TransportName } from '../protocol/negotiate.js';
import type { PollLimits } from '../transports/long-polling-transport.js';
import type { ResumptionLimits } from '../transports/resumable-transport.js';
import { Admitter } from './admission.js';
import { type Authenticate, requestInfoOf } from './authenticate.js';
import { ConnectionRunner, type OpeningClient } from './connection-runner.js';
import type { ConnectionStore, StoredConnection } from './connection-store.js';
import {
  emptyAnswer,
  GOING_AWAY,
  type HttpAnswer,
  plainText,
  sendAnswer,
  sendUpgradeAnswer,
} from './http-answer.js';
import { HttpTransports } from './http-transports.js';
import { answerNegotiate, type OnNegotiate, type RedirectNegotiate } from './negotiation.js';
import { type AllowedOrigins, corsHeaders, isOriginAllowed, preflightHeaders } from './origin-policy.js';
import { answerRefresh, lifetimeSecondsOf, refreshedTokenOf } from './refresh.js';
import type { RequestTarget } from './request-target.js';
import { type Upgrade, WebSocketUpgrades } from './web-socket-upgrades.js';

/** Constructor dependencies of {@link HubEndpoint}. */
export interface HubEndpointDependencies<User> {
  readonly limits: ConnectionLimits;
  readonly pollLimits: PollLimits;
  readonly resumptionLimits: ResumptionLimits;
  readonly allowStatefulReconnects: boolean;
  readonly enableAuthenticationRefresh: boolean;
  readonly store: ConnectionStore;
  /** Undefined if the server runs as a single instance. */
  readonly instances: Instances | undefined;
  readonly maximumTransportMessageBytes: number;
  readonly minimumNegotiateVersion: number;
  readonly transports: ReadonlySet<TransportName>;
  readonly authenticate: Authenticate<User> | undefined;
  readonly allowedOrigins: AllowedOrigins | undefined;
  readonly redirectNegotiate: RedirectNegotiate | undefined;
  readonly onNegotiate: OnNegotiate | undefined;
  /** Undefined if clients have no limits. */
  readonly clientLimits: ClientLimits | undefined;
  readonly budgetOwnerOf: BudgetOwnerOf<unknown> | undefined;
}

/** The cost of a negotiate request, and of a request that opens a connection. A message costs 1. */
const CONNECTION_COST = 5;

/**
 * The HTTP endpoint of one hub or of one raw handler. `handle` answers requests, and `upgrade` accepts WebSockets. New
 * clients are refused with 503 after `stopAccepting`.
 */
export class HubEndpoint<User> {
  /** True when clients can send fresh credentials to the path `refresh` below the hub's path. */
  readonly canRefresh: boolean;
  readonly #application: ConnectionApplication;
  readonly #options: HubEndpointDependencies<User>;
  readonly #admitter: Admitter;
  readonly #runner: ConnectionRunner;
  readonly #httpTransports: HttpTransports;
  readonly #upgrades: WebSocketUpgrades;
  /** Undefined if the hub has no `clientLimits`. */
  readonly #budgets: ClientBudgets | undefined;
  readonly #refusalDelay = new RefusalDelay();
  #isClosed = false;
  /** The listeners. The caller knows the types of the hub. */
  readonly listeners: EndpointListeners<never, User, never>;

  constructor(application: ConnectionApplication, options: HubEndpointDependencies<User>) {
    const { store, limits, transports, maximumTransportMessageBytes, pollLimits } = options;
    this.canRefresh = options.enableAuthenticationRefresh;
    this.#application = application;
    this.#options = options;
    this.#admitter = new Admitter(application.path, options.authenticate, application.onEvent);
    const { clientLimits, budgetOwnerOf } = options;
    this.#budgets = clientLimits && new ClientBudgets(clientLimits, application.ticker, budgetOwnerOf);
    const { instances } = options;
    this.#runner = new ConnectionRunner(application, { limits, store, instances, budgets: this.#budgets });
    const onRefreshed = (connection: HubConnection): void => {
      if (this.canRefresh) void application.authenticationRefreshed(connection);
    };
    const dependencies = { store, transports, runner: this.#runner, admitter: this.#admitter, onRefreshed };
    const isAccepting = (): boolean => !this.#isClosed;
    this.listeners = new EndpointListeners({
      runner: this.#runner,
      budgets: this.#budgets,
      refusalDelay: this.#refusalDelay,
      ticker: application.ticker,
      costOfConnection: CONNECTION_COST,
      isAccepting,
    });
    this.#httpTransports = new HttpTransports({
      ...dependencies,
      ticker: application.ticker,
      pollLimits,
      isRaw: application.isRaw,
      isAccepting,
    });
    this.#upgrades = new WebSocketUpgrades({
      ...dependencies,
      maximumTransportMessageBytes,
      ticker: application.ticker,
      resumptionLimits: options.resumptionLimits,
      onResumed: ({ identity }) => application.onEvent({ type: 'connection_resumed', ...identity }),
    });
  }

  /** The promises of the running connections. Each resolves when its connection has ended. */
  get lives(): Iterable<Promise<void>> {
    return this.#runner.lives;
  }

  get connections(): Iterable<HubConnection> {
    return this.#runner.connections;
  }

  /** Refuses new clients from now on. Existing connections stay open. */
  stopAccepting(): void {
    this.#isClosed = true;
  }

  /** Ends the sockets that are forwarded to other instances, and disconnects a hub from the backplane. Never rejects. */
  async close(): Promise<void> {
    this.#options.instances?.close();
    await this.#application.leave();
  }

  /** Answers a request at the hub's path or below it. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse, at: RoutedTarget): Promise<void> {
    // A client that disconnects causes this error. It can be ignored, because code that needs to know listens for 'close'.
    request.on('error', () => {});
    const answer = await this.#answer(request, response, at).catch((error) => this.#admitter.fail(error));
    if (answer === undefined) return;
    if (answer.status === 429) await this.#refusalDelay.wait();
    sendAnswer(response, answer);
  }

  /** Turns an upgrade into a connection, or refuses it. Never rejects. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, at: RoutedTarget): Promise<void> {
    const ignore = (): void => {}; // If the socket breaks during the authentication, 'close' reports it.
    socket.on('error', ignore);
    const refusal = await this.#answerUpgrade(request, socket, head, at).catch((error) =>
      this.#admitter.fail(error),
    );
    if (refusal?.status === 429) await this.#refusalDelay.wait();
    if (refusal !== undefined) sendUpgradeAnswer(socket, refusal);
    else socket.off('error', ignore);
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    at: RoutedTarget,
  ): Promise<HttpAnswer | undefined> {
    const { method, headers } = request;
    if (this.#isOriginAllowed(request)) {
      for (const [name, value] of Object.entries(corsHeaders(headers.origin)))
        response.setHeader(name, value);
    }
    if (method === 'OPTIONS' && headers['access-control-request-method'] !== undefined) {
      return this.#answerPreflight(request);
    }
    if (at.action !== 'connect' && method !== 'POST') return plainText(405);
    const info = requestInfoOf(request, at.target);
    const location = await this.#locate(request, info, at);
    if (location.kind === 'unknown') return this.#refuseWithoutDirectory();
    if (location.kind === 'elsewhere') return this.#forward(request, response, location.url);
    // A closing server refuses only new clients. Connected clients may still send requests.
    const isNegotiate = at.action === 'negotiate';
    const find = (): StoredConnection | undefined =>
      isNegotiate ? undefined : this.#options.store.find(tokenOf(info));
    const isNew = find()?.attached === undefined;
    if (at.action === 'refresh') return this.#refresh(info);
    if (this.#isClosed && isNew) return this.#refuseClosed();
    const stage = isNegotiate ? 'negotiate' : isNew ? 'connect' : 'request';
    const admission = await this.#admitter.admit(info, stage, find);
    if (admission.kind === 'refused') return admission.answer;
    const budget = stage === 'request' ? undefined : this.#budgets?.of(info, admission.principal);
    const client: OpeningClient = { info, principal: admission.principal, budget };
    const refusal = this.#charge(budget);
    if (refusal !== undefined) return refusal;
    if (!isNegotiate) {
      const answer = (): Promise<HttpAnswer | undefined> =>
        this.#httpTransports.answer({ request, response, client });
      return method === 'GET' && isNew ? this.#claimFor(info, answer) : answer();
    }
    if (this.#isClosed) return this.#refuseClosed();
    return this.#negotiate(client);
  }

  /** Charges a request that leads to a connection. Returns the answer that refuses it if the budget is used up. */
  #charge(budget: ClientBudget | undefined): HttpAnswer | undefined {
    const waitMs = budget?.takeForConnection(this.#application.ticker.monotonicMs(), CONNECTION_COST) ?? 0;
    return waitMs === 0 ? undefined : this.#admitter.refuseRate(waitMs);
  }

  #isOriginAllowed({ headers }: IncomingMessage): boolean {
    return isOriginAllowed(headers.origin, headers.host, this.#options.allowedOrigins);
  }

  /**
   * Answers a CORS preflight. A hub without `allowedOrigins` has no CORS. It refuses the preflight of another origin with
   * 405, as it refuses any request with the method OPTIONS.
   */
  #answerPreflight(request: IncomingMessage): HttpAnswer {
    if (this.#isOriginAllowed(request)) {
      return { status: 204, headers: preflightHeaders(request.headers['access-control-request-headers']) };
    }
    const answer = this.#options.allowedOrigins === undefined ? plainText(405) : emptyAnswer(204);
    return this.#admitter.refuseOrigin(request.headers.origin, answer);
  }

  #refresh(info: RequestInfo): Promise<HttpAnswer> {
    const { store } = this.#options;
    return answerRefresh(info, { store, admitter: this.#admitter, hub: this.#application });
  }

  async #negotiate(client: OpeningClient): Promise<HttpAnswer> {
    const { budget, principal } = client;
    // The connection would be refused anyway. It is refused at the negotiation, because official clients show the reason only
    // then.
    if (budget?.isFullOfConnections === true) return this.#admitter.refuseConnection(budget);
    if (budget?.isFullOfPending === true) return this.#admitter.refusePending(budget);
    const { userId } = principal;
    const headers = await this.#options.onNegotiate?.(client.info, { userId });
    const { store, minimumNegotiateVersion, transports, redirectNegotiate, allowStatefulReconnects } =
      this.#options;
    const answer = answerNegotiate(client, store, {
      minimumVersion: minimumNegotiateVersion,
      transports,
      redirect: redirectNegotiate,
      allowStatefulReconnects,
      tokenLifetimeSeconds: this.canRefresh
        ? lifetimeSecondsOf(client.principal, this.#application.ticker.wallMs())
        : undefined,
    });
    if (answer === undefined) return this.#admitter.refuse('too_many_pending_connections', GOING_AWAY);
    return headers === undefined ? answer : { ...answer, headers: { ...headers, ...answer.headers } };
  }

  async #answerUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    at: RoutedTarget,
  ): Promise<HttpAnswer | undefined> {
    if (this.#isClosed) return this.#refuseClosed();
    if (at.action !== 'connect') return plainText(405);
    if (!this.#isOriginAllowed(request)) {
      return this.#admitter.refuseOrigin(request.headers.origin, emptyAnswer(403));
    }
    const info = requestInfoOf(request, at.target);
    const location = await this.#locate(request, info, at);
    if (location.kind === 'unknown') return this.#refuseWithoutDirectory();
    if (location.kind === 'elsewhere') return this.#forwardUpgrade({ request, socket, head }, location.url);
    const admission = await this.#admitter.admit(info, 'connect', () =>
      this.#options.store.find(tokenOf(info)),
    );
    if (admission.kind === 'refused') return admission.answer;
    if (this.#isClosed) return this.#refuseClosed();
    const budget = this.#budgets?.of(info, admission.principal);
    const refusal = this.#charge(budget);
    if (refusal !== undefined) return refusal;
    const client: OpeningClient = { info, principal: admission.principal, budget };
    const answer = (): HttpAnswer | undefined => this.#upgrades.answer({ request, socket, head }, client);
    const found = this.#options.store.find(tokenOf(info));
    const isOpening = found?.isResumable === true && found.attached === undefined;
    return isOpening ? this.#claimFor(info, answer) : answer();
  }

  /**
   * Finds the instance that serves the connection of a request. The directory is asked only about a connection that this
   * instance does not serve.
   */
  async #locate(request: IncomingMessage, info: RequestInfo, at: RoutedTarget): Promise<ConnectionLocation> {
    const { instances, store } = this.#options;
    const token = at.action === 'refresh' ? refreshedTokenOf(info) : tokenOf(info);
    const isHere = at.action === 'negotiate' || token === '' || store.isClaimed(token);
    return isHere || instances === undefined ? { kind: 'here' } : instances.locate(token, request);
  }

  async #forward(
    request: IncomingMessage,
    response: ServerResponse,
    url: string,
  ): Promise<HttpAnswer | undefined> {
    // The client has already disconnected. A forwarded request would not notice that, and would hang until its timeout.
    if (request.method === 'GET' && response.destroyed) return undefined;
    return this.#answerForwarded(await this.#options.instances?.forward(request, response, url));
  }

  async #forwardUpgrade({ request, socket, head }: Upgrade, url: string): Promise<HttpAnswer | undefined> {
    if (socket.destroyed) return undefined;
    const { instances } = this.#options;
    return this.#answerForwarded(await instances?.forwardUpgrade(request, socket, head, url));
  }

  /**
   * Returns the answer after an attempt to forward a request, or undefined if the other instance has answered. If that
   * instance has ended, its connections are lost, and the client must start a new one. If that instance may still run but is
   * unreachable, the client should retry.
   */
  #answerForwarded(outcome: ForwardOutcome | undefined): HttpAnswer | undefined {
    if (outcome === 'answered') return undefined;
    if (outcome === 'unreachable') return this.#admitter.refuse('instance_unreachable', GOING_AWAY);
    return this.#httpTransports.refuseUnknown();
  }

  /**
   * Claims the connection in the directory before the request opens it. Later requests of the connection may reach other
   * instances. They then find in the directory that this instance serves it.
   */
  async #claimFor(
    info: RequestInfo,
    answer: () => HttpAnswer | undefined | Promise<HttpAnswer | undefined>,
  ): Promise<HttpAnswer | undefined> {
    const { instances, store } = this.#options;
    const token = tokenOf(info);
    if (instances === undefined || store.find(token) === undefined) return answer();
    try {
      if (!(await instances.claim(token))) return this.#admitter.refuse('already_connected', plainText(409));
    } catch {
      return this.#refuseWithoutDirectory();
    }
    const given = await answer();
    if (!store.isClaimed(token)) instances.release(token);
    return given;
  }

  #refuseWithoutDirectory(): HttpAnswer {
    return this.#admitter.refuse('directory_unavailable', GOING_AWAY);
  }

  #refuseClosed(): HttpAnswer {
    return this.#admitter.refuse('server_closed', GOING_AWAY);
  }
}

/** Returns the token of the connection that a request names, or an empty string if the request names none. */
function tokenOf(info: RequestInfo): string {
  return info.query.get('id') ?? '';
}

/** The target of a request that is for this endpoint. */
export interface RoutedTarget {
  readonly target: RequestTarget;
  /** `connect` is for the path of the hub itself. The other actions have paths below it. */
  readonly action: 'connect' | 'negotiate' | 'refresh';
}
