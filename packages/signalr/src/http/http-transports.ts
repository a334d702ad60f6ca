/*
 * Handles the requests of server-sent events and long polling: GET opens a stream or polls, POST sends messages, and DELETE ends a
 * connection. Statuses and texts are those of ASP.NET Core.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HubConnection } from '../connection/hub-connection.js';
import type { Ticker } from '../connection/ticker.js';
import type { TransportName } from '../protocol/negotiate.js';
import { LongPollingTransport, POLL_HEADERS, type PollLimits } from '../transports/long-polling-transport.js';
import type { PostOutcome } from '../transports/posted-input.js';
import {
  eventFraming,
  lineFraming,
  ServerSentEventsTransport,
} from '../transports/server-sent-events-transport.js';
import type { Admitter } from './admission.js';
import type { ConnectionRunner, OpeningClient } from './connection-runner.js';
import type { ConnectionStore, StoredConnection } from './connection-store.js';
import { GOING_AWAY, type HttpAnswer, plainText } from './http-answer.js';

/** Constructor dependencies of {@link HttpTransports}. */
export interface HttpTransportsDependencies {
  readonly store: ConnectionStore;
  readonly runner: Pick<ConnectionRunner, 'begin'>;
  readonly admitter: Admitter;
  readonly ticker: Ticker;
  readonly transports: ReadonlySet<TransportName>;
  readonly pollLimits: PollLimits;
  /** True if the connections have no hub protocol. */
  readonly isRaw: boolean;
  /** Called when a poll brings credentials that are newer than the previous ones. */
  readonly onRefreshed: (connection: HubConnection) => void;
  /** Returns false as soon as the server is closing. No transport is opened then. */
  readonly isAccepting: () => boolean;
}

/** A request with its response, from an admitted client. */
export interface HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly client: OpeningClient;
}

/** Returns the transport that a GET request uses. The request must not be an upgrade. */
function transportOfGet(accept: string | undefined): 'ServerSentEvents' | 'LongPolling' {
  const types = (accept ?? '').split(',').map((part) => part.trim().toLowerCase());
  return types.includes('text/event-stream') ? 'ServerSentEvents' : 'LongPolling';
}

/** Creates the answer that refuses a request because the endpoint does not offer the transport. */
export function transportNotSupported(name: TransportName): HttpAnswer {
  return plainText(404, `${name} transport not supported by this end point type`);
}

/** The answer to a request that uses another transport than its connection. */
export const CANNOT_CHANGE = plainText(400, 'Cannot change transports mid-connection');

const POST_STATUS: Readonly<Record<PostOutcome, number>> = {
  accepted: 200,
  closed: 404,
  client_aborted: 400,
};

/** Handles the requests of server-sent events and long polling for one hub. */
export class HttpTransports {
  readonly #dependencies: HttpTransportsDependencies;

  constructor(dependencies: HttpTransportsDependencies) {
    this.#dependencies = dependencies;
  }

  /** Handles one request. Returns undefined if a transport answers it, or if the client is gone. */
  async answer(exchange: HttpExchange): Promise<HttpAnswer | undefined> {
    const { method } = exchange.request;
    if (method !== 'GET' && method !== 'POST' && method !== 'DELETE') return plainText(405);
    const answer = await this.#dispatch(method, exchange);
    const isPoll = method === 'GET' && transportOfGet(exchange.request.headers.accept) === 'LongPolling';
    return answer !== undefined && isPoll
      ? { ...answer, headers: { ...answer.headers, ...POLL_HEADERS } }
      : answer;
  }

  async #dispatch(method: string, exchange: HttpExchange): Promise<HttpAnswer | undefined> {
    const token = exchange.client.info.query.get('id');
    if (token === undefined || token === '') return plainText(400, 'Connection ID required');
    const stored = this.#dependencies.store.find(token);
    if (stored === undefined) return this.refuseUnknown();
    if (method === 'POST') return this.#post(stored, exchange);
    return method === 'DELETE' ? this.#delete(stored) : this.#get(stored, exchange);
  }

  #get(stored: StoredConnection, exchange: HttpExchange): HttpAnswer | undefined {
    // The response was closed during the authentication. Bytes written to it now would be lost without an error.
    if (exchange.response.destroyed) return undefined;
    const name = transportOfGet(exchange.request.headers.accept);
    if (!this.#dependencies.transports.has(name)) return transportNotSupported(name);
    const { attached } = stored;
    if (attached === undefined) return this.#open(name, stored, exchange);
    if (attached.name !== name) return CANNOT_CHANGE;
    if (attached.name !== 'LongPolling') {
      return this.#dependencies.admitter.refuse('already_connected', plainText(409));
    }
    if (attached.connection.updatePrincipal(exchange.client.principal)) {
      this.#dependencies.onRefreshed(attached.connection);
    }
    // A poll that replaces a waiting poll costs as much as a message. Any other poll is free, because it ends only when the
    // server has sent something.
    const waitMs = attached.transport.isAttached ? (attached.connection.budget?.charge() ?? 0) : 0;
    if (waitMs > 0) return this.#dependencies.admitter.refuseRate(waitMs);
    attached.transport.poll(exchange.response);
    return undefined;
  }

  #open(
    name: 'ServerSentEvents' | 'LongPolling',
    stored: StoredConnection,
    exchange: HttpExchange,
  ): HttpAnswer | undefined {
    const { store, runner, ticker, pollLimits, isRaw, isAccepting } = this.#dependencies;
    if (!isAccepting()) return this.#dependencies.admitter.refuse('server_closed', GOING_AWAY);
    if (exchange.client.budget?.isFullOfConnections === true)
      return this.#dependencies.admitter.refuseConnection(exchange.client.budget);
    if (!store.claim(stored)) return this.#dependencies.admitter.refuse('already_connected', plainText(409));
    if (name === 'ServerSentEvents') {
      const transport = new ServerSentEventsTransport(exchange.response, isRaw ? lineFraming : eventFraming);
      stored.attached = { name, transport, connection: runner.begin(transport, stored, exchange.client) };
      return undefined;
    }
    const transport = new LongPollingTransport(ticker, pollLimits);
    stored.attached = { name, transport, connection: runner.begin(transport, stored, exchange.client) };
    transport.poll(exchange.response);
    return undefined;
  }

  async #post(stored: StoredConnection, exchange: HttpExchange): Promise<HttpAnswer> {
    const { attached } = stored;
    // A client must not send before it has connected, because no connection could receive the bytes.
    if (attached === undefined) return this.refuseUnknown();
    if (attached.name === 'WebSockets') {
      return plainText(405, 'POST requests are not allowed for WebSocket connections.');
    }
    const waitMs = attached.connection.budget?.charge() ?? 0;
    if (waitMs > 0) return this.#dependencies.admitter.refuseRate(waitMs);
    const outcome = await attached.transport.input.accept(exchange.request);
    return plainText(POST_STATUS[outcome]);
  }

  #delete(stored: StoredConnection): HttpAnswer {
    const { attached } = stored;
    if (attached?.name !== 'LongPolling') {
      return plainText(400, 'Cannot terminate this connection using the DELETE endpoint.');
    }
    attached.transport.terminate();
    this.#dependencies.store.remove(stored);
    return plainText(202);
  }

  /** Refuses a request with an unknown token. */
  refuseUnknown(): HttpAnswer {
    return this.#dependencies.admitter.refuse(
      'unknown_connection',
      plainText(404, 'No Connection with that ID'),
    );
  }
}
