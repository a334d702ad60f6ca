/*
 * One hub on the web: negotiate, the WebSocket upgrade, and the refusals of everything else at its path.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type Server as WebSocketServerOf } from 'ws';
import type { ConnectionLimits } from '../connection/connection-limits.js';
import type { ConnectionIds, ConnectionRegistry } from '../connection/connection-registry.js';
import { toError } from '../connection/error-text.js';
import { type ConnectionPrincipal, HubConnection } from '../connection/hub-connection.js';
import { runHubConnection } from '../connection/run-hub-connection.js';
import type { RefusalReason } from '../events.js';
import type { RequestInfo } from '../hub/hub-context.js';
import type { MappedHub } from '../hub/mapped-hub.js';
import {
  readNegotiateVersion,
  type TransportOffer,
  writeNegotiateAnswer,
  writeNegotiateError,
} from '../protocol/negotiate.js';
import { ServerWebSocket, WebSocketTransport } from '../transports/web-socket-transport.js';
import { type Authenticate, bearerTokenOf, requestInfoOf } from './authenticate.js';
import { emptyAnswer, type HttpAnswer, plainText, sendAnswer, sendUpgradeAnswer } from './http-answer.js';
import { type AllowedOrigins, corsHeaders, isOriginAllowed, preflightHeaders } from './origin-policy.js';
import type { RequestTarget } from './request-target.js';

/** The transports this server has, in the order in which clients shall try them. */
const OFFERS: readonly TransportOffer[] = [{ transport: 'WebSockets', transferFormats: ['text', 'binary'] }];

/** Another server takes the client at once, where there is one: the shortest wait that the header can say. */
const GOING_AWAY: HttpAnswer = { status: 503, headers: { 'Retry-After': '1' } };

/** What an endpoint is made of besides its hub. */
export interface EndpointOptions<User> {
  readonly limits: ConnectionLimits;
  readonly registry: ConnectionRegistry;
  readonly maximumTransportMessageBytes: number;
  readonly minimumNegotiateVersion: number;
  readonly authenticate: Authenticate<User> | undefined;
  readonly allowedOrigins: AllowedOrigins | undefined;
}

type Admission =
  | { readonly kind: 'admitted'; readonly principal: ConnectionPrincipal }
  | { readonly kind: 'refused'; readonly answer: HttpAnswer };

/** `handle` for requests, `upgrade` for WebSockets. Once closed it refuses everything with 503. */
export class HubEndpoint<Client, User, Items> {
  readonly hub: MappedHub<Client, User, Items>;
  readonly #options: EndpointOptions<User>;
  readonly #webSockets: WebSocketServerOf<typeof ServerWebSocket>;
  /** Every connection from its first byte to the end of its life. */
  readonly #connections = new Map<HubConnection, Promise<void>>();
  #isClosed = false;

  constructor(hub: MappedHub<Client, User, Items>, options: EndpointOptions<User>) {
    this.hub = hub;
    this.#options = options;
    this.#webSockets = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // Without compression `ws` keeps no queue of its own; the transport relies on that.
      perMessageDeflate: false,
      maxPayload: options.maximumTransportMessageBytes,
      // The original selects no subprotocol; `ws` would take the first one offered.
      handleProtocols: () => false,
      WebSocket: ServerWebSocket,
    });
  }

  /** Lives that have not ended. */
  get lives(): Iterable<Promise<void>> {
    return this.#connections.values();
  }

  get connections(): Iterable<HubConnection> {
    return this.#connections.keys();
  }

  /** Refuses new clients from now on; connections are left as they are. */
  stopAccepting(): void {
    this.#isClosed = true;
  }

  /** Answers a request at the hub's path or below it. Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse, at: RoutedTarget): Promise<void> {
    // The body means nothing at these paths; unread it would block the next request of the connection.
    request.resume();
    const answer = await this.#answer(request, at);
    const origin = request.headers.origin;
    const isAllowed = isOriginAllowed(origin, request.headers.host, this.#options.allowedOrigins);
    const cors = isAllowed ? corsHeaders(origin) : {};
    sendAnswer(response, { ...answer, headers: { ...answer.headers, ...cors } });
  }

  /** Turns an upgrade into a connection, or refuses it. Never rejects. */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, at: RoutedTarget): Promise<void> {
    const ignore = (): void => {}; // The socket may die while we ask who it is; its 'close' says so too.
    socket.on('error', ignore);
    const refusal = await this.#refuseUpgrade(request, socket, head, at);
    if (refusal !== undefined) sendUpgradeAnswer(socket, refusal);
    else socket.off('error', ignore);
  }

  async #answer(request: IncomingMessage, at: RoutedTarget): Promise<HttpAnswer> {
    if (this.#isClosed) return this.#refuse('server_closed', GOING_AWAY);
    if (request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) {
      return { status: 204, headers: preflightHeaders(request.headers['access-control-request-headers']) };
    }
    if (at.isNegotiate && request.method !== 'POST') return plainText(405);
    const info = requestInfoOf(request, at.target);
    const admission = await this.#admit(info, at.isNegotiate ? 'negotiate' : 'connect');
    if (admission.kind === 'refused') return admission.answer;
    return at.isNegotiate ? this.#negotiate(info) : this.#answerAtHub(request, info);
  }

  #negotiate(info: RequestInfo): HttpAnswer {
    const headers = { 'Content-Type': 'application/json' };
    const version = readNegotiateVersion(
      info.query.get('negotiateversion'),
      this.#options.minimumNegotiateVersion,
    );
    if (version.kind === 'refused') return { status: 200, headers, body: writeNegotiateError(version.error) };
    if (this.#isClosed) return this.#refuse('server_closed', GOING_AWAY);
    const ids = this.#options.registry.negotiate(version.version);
    if (ids === undefined) return this.#refuse('too_many_pending_connections', emptyAnswer(503));
    const body = writeNegotiateAnswer({ version: version.version, ...ids, transports: OFFERS });
    return { status: 200, headers, body };
  }

  /** Requests of transports that this endpoint does not have, answered as an endpoint without them does. */
  #answerAtHub(request: IncomingMessage, info: RequestInfo): HttpAnswer {
    const { method } = request;
    if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') return plainText(405);
    const token = info.query.get('id');
    if (token === undefined || token === '') return plainText(400, 'Connection ID required');
    if (this.#options.registry.stateOf(token) === 'unknown') {
      return plainText(404, 'No Connection with that ID');
    }
    if (method === 'POST') return plainText(405, 'POST requests are not allowed for WebSocket connections.');
    if (method === 'DELETE') {
      return plainText(400, 'Cannot terminate this connection using the DELETE endpoint.');
    }
    const isEventStream = request.headers.accept?.includes('text/event-stream') === true;
    const transport = isEventStream ? 'ServerSentEvents' : 'LongPolling';
    return plainText(404, `${transport} transport not supported by this end point type`);
  }

  /** Undefined when the upgrade went through. */
  async #refuseUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    at: RoutedTarget,
  ): Promise<HttpAnswer | undefined> {
    if (this.#isClosed) return this.#refuse('server_closed', GOING_AWAY);
    if (at.isNegotiate) return plainText(405);
    if (!isOriginAllowed(request.headers.origin, request.headers.host, this.#options.allowedOrigins)) {
      return this.#refuse('origin_not_allowed', emptyAnswer(403));
    }
    const info = requestInfoOf(request, at.target);
    const admission = await this.#admit(info, 'connect');
    if (admission.kind === 'refused') return admission.answer;
    if (this.#isClosed) return this.#refuse('server_closed', GOING_AWAY);
    return this.#attach(request, socket, head, { info, principal: admission.principal });
  }

  #attach(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    client: { readonly info: RequestInfo; readonly principal: ConnectionPrincipal },
  ): HttpAnswer | undefined {
    const token = client.info.query.get('id');
    const { registry } = this.#options;
    const attachment =
      token === undefined || token === ''
        ? { kind: 'attached' as const, ids: registry.attachNew() }
        : registry.attach(token);
    if (attachment.kind === 'unknown') {
      return this.#refuse('unknown_connection', plainText(404, 'No Connection with that ID'));
    }
    if (attachment.kind === 'already_attached') {
      return this.#refuse('already_connected', plainText(409));
    }
    const { ids } = attachment;
    // `ws` answers a bad upgrade by itself and then never calls back, so the token is freed with the socket.
    const release = (): void => registry.detach(ids.connectionToken);
    socket.once('close', release);
    this.#webSockets.handleUpgrade(request, socket, head, (webSocket) => {
      socket.off('close', release);
      this.#begin(new WebSocketTransport(webSocket, socket), ids, client);
    });
    return undefined;
  }

  #begin(
    transport: WebSocketTransport,
    ids: ConnectionIds,
    client: { readonly info: RequestInfo; readonly principal: ConnectionPrincipal },
  ): void {
    const { hub } = this;
    const identity = {
      hub: hub.path,
      connectionId: ids.connectionId,
      userId: client.principal.userId,
      transport: transport.name,
    };
    const { limits, registry } = this.#options;
    const connection = new HubConnection(identity, client.principal, {
      transport,
      limits,
      nowMs: hub.ticker.exactNowMs(),
    });
    hub.admit(connection, client.info);
    const life = runHubConnection(connection, hub).finally(() => {
      registry.detach(ids.connectionToken);
      this.#connections.delete(connection);
    });
    this.#connections.set(connection, life);
  }

  async #admit(info: RequestInfo, stage: 'negotiate' | 'connect'): Promise<Admission> {
    const { authenticate } = this.#options;
    if (authenticate === undefined) return { kind: 'admitted', principal: { userId: null, user: undefined } };
    try {
      const result = await authenticate({ ...info, token: bearerTokenOf(info), stage });
      // The body stays empty: the official client shows body or reason phrase, and tests look for the latter.
      if (result === undefined)
        return { kind: 'refused', answer: this.#refuse('unauthorized', emptyAnswer(401)) };
      return { kind: 'admitted', principal: result };
    } catch (error) {
      this.hub.onEvent({ type: 'authentication_failed', hub: this.hub.path, error: toError(error) });
      return { kind: 'refused', answer: emptyAnswer(500) };
    }
  }

  #refuse(reason: RefusalReason, answer: HttpAnswer): HttpAnswer {
    this.hub.onEvent({ type: 'request_refused', hub: this.hub.path, reason });
    return answer;
  }
}

/** A request that was found to be for this endpoint. */
export interface RoutedTarget {
  readonly target: RequestTarget;
  readonly isNegotiate: boolean;
}
