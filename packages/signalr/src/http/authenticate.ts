/*
 * The authentication that a hub asks of the application, and the token of a request.
 */
import type { IncomingMessage } from 'node:http';
import type { RequestInfo } from '../hub/hub-context.js';
import type { RequestTarget } from './request-target.js';

/** A request to be authenticated. */
export interface AuthenticateRequest extends RequestInfo {
  /**
   * The bearer token of the `Authorization` header, else of the `access_token` query, where browsers put it.
   * Null when there is none.
   */
  readonly token: string | null;
  /**
   * `negotiate` and `connect` are authenticated separately: a token may have expired in between. `request` is every poll, POST and
   * DELETE of an existing connection, `refresh` brings its fresh credentials.
   */
  readonly stage: 'negotiate' | 'connect' | 'request' | 'refresh';
  /**
   * The owner of the connection; undefined at `negotiate` and at the first `connect`. Any other user id is refused with 403. An
   * application that invents ids for anonymous clients therefore returns this one again, and a null `userId` at `negotiate`.
   */
  readonly current: Authenticated<unknown> | undefined;
}

/** The identity of a client. */
export interface Authenticated<User> {
  /**
   * Addresses all connections of this user; case-sensitive. Null for none. Only the user who negotiated a connection may open it;
   * every authenticated client may open one that was negotiated with null.
   */
  readonly userId: string | null;
  readonly user: User;
  /** When the credentials expire, in milliseconds since 1970. See `closeOnAuthenticationExpiration`. */
  readonly expiresAtMs?: number;
}

/**
 * Decides about one request; undefined refuses it with 401. Called for every request, polls and POSTs included.
 * An `AuthenticationUnavailable` is answered with 503 and `Retry-After`; any other error with 500 and reported. Neither text is sent.
 */
export type Authenticate<User> = (
  request: AuthenticateRequest,
) => Authenticated<User> | undefined | Promise<Authenticated<User> | undefined>;

/** The values of a request that outlive it. */
export function requestInfoOf(request: IncomingMessage, target: RequestTarget): RequestInfo {
  return {
    path: target.path,
    query: target.query,
    headers: request.headers,
    remoteAddress: request.socket.remoteAddress,
  };
}

/** The header wins over the query, as it is the safer place. */
export function bearerTokenOf(info: RequestInfo): string | null {
  const header = info.headers['authorization'];
  const match = typeof header === 'string' ? /^bearer +(\S+) *$/i.exec(header) : null;
  return match?.[1] ?? info.query.get('access_token') ?? null;
}
