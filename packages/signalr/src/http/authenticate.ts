/*
 * The `authenticate` function that an application provides for a hub, and the bearer token of a request.
 */
import type { IncomingMessage } from 'node:http';
import type { RequestInfo } from '../connection/request-info.js';
import type { RequestTarget } from './request-target.js';

/** A request to be authenticated. @beta */
export interface AuthenticateRequest extends RequestInfo {
  /**
   * The bearer token of the `Authorization` header. If the header is missing, the query value `access_token`, which browsers
   * use. Null if the request has no token.
   */
  readonly token: string | null;
  /**
   * The kind of the request:
   * - `negotiate`: the client negotiates.
   * - `connect`: the client opens a connection, or continues it over another WebSocket. The client is authenticated again, because
   *   its token may have expired since `negotiate`.
   * - `request`: a poll, POST or DELETE of an existing connection.
   * - `refresh`: the client sends fresh credentials for an existing connection.
   */
  readonly stage: 'negotiate' | 'connect' | 'request' | 'refresh';
  /**
   * The user who owns the connection. Undefined at `negotiate` and at the first `connect`. If `authenticate` returns another
   * user id, the request is refused with 403. An application that generates ids for anonymous clients must therefore return
   * this id again, and a null `userId` at `negotiate`.
   */
  readonly current: Authenticated<unknown> | undefined;
}

/** The identity of a client. @beta */
export interface Authenticated<User> {
  /**
   * The id that addresses all connections of this user. Case-sensitive. Null if the client has no user id. Only the user who
   * negotiated a connection may open it. Every authenticated client may open a connection that was negotiated with null.
   */
  readonly userId: string | null;
  readonly user: User;
  /**
   * The time when the credentials were issued, in milliseconds since 1970. Of two credentials for one connection, those that were issued
   * later count. Without this time, those that expire later count.
   */
  readonly issuedAtMs?: number;
  /** The time when the credentials expire, in milliseconds since 1970. See `closeOnAuthenticationExpiration`. */
  readonly expiresAtMs?: number;
}

/**
 * Authenticates one request. Called for every request, including polls and POSTs. Returns undefined to refuse the request with 401.
 * If it throws an `AuthenticationUnavailable`, the client receives 503 with `Retry-After`. If it throws another error, the error is
 * reported and the client receives 500. The text of the error is never sent to the client.
 * @beta
 */
export type Authenticate<User> = (
  request: AuthenticateRequest,
) => Authenticated<User> | undefined | Promise<Authenticated<User> | undefined>;

/** Copies the values of a request that are needed after the request has ended. @beta */
export function requestInfoOf(request: IncomingMessage, target: RequestTarget): RequestInfo {
  return {
    path: target.path,
    query: target.query,
    headers: request.headers,
    remoteAddress: request.socket.remoteAddress,
  };
}

/**
 * Returns the bearer token of a request, or null. The token of the header wins, because the header is the safer place.
 * @beta
 */
export function bearerTokenOf(info: RequestInfo): string | null {
  const header = info.headers['authorization'];
  const match = typeof header === 'string' ? /^bearer +(\S+) *$/i.exec(header) : null;
  return match?.[1] ?? info.query.get('access_token') ?? null;
}
