/*
 * Accepts fresh credentials for an existing connection, as in .NET 11. The client sends a POST with the connection's token in a
 * header, and the answer is JSON. Only the connection's user data changes.
 */
import type { ConnectionPrincipal } from '../connection/connection-principal.js';
import type { HubConnection } from '../connection/hub-connection.js';
import type { RequestInfo } from '../connection/request-info.js';
import type { Admitter } from './admission.js';
import type { ConnectionStore } from './connection-store.js';
import type { HttpAnswer } from './http-answer.js';

/** The dependencies of {@link answerRefresh}. */
export interface RefreshDependencies {
  readonly store: ConnectionStore;
  readonly admitter: Admitter;
  readonly hub: {
    readonly ticker: { wallMs(): number };
    authenticationRefreshed(connection: HubConnection): Promise<void>;
  };
}

/**
 * The header that holds the connection's token. Refresh requests have the token in a header, because the token is a secret. All
 * other requests have the token as `id` in the query.
 */
const TOKEN_HEADER = 'x-signalr-connection-token';

/** Returns the token of the connection to refresh, or an empty string if the request has none. */
export function refreshedTokenOf({ headers, query }: RequestInfo): string {
  const header = headers[TOKEN_HEADER];
  return (typeof header === 'string' ? header : query.get('id')) ?? '';
}

/** Answers a refresh request. Never rejects. */
export async function answerRefresh(
  info: RequestInfo,
  dependencies: RefreshDependencies,
): Promise<HttpAnswer> {
  const token = refreshedTokenOf(info);
  if (token === '') return refused(400, 'missing_connection_token');
  const stored = dependencies.store.find(token);
  const connection = stored?.attached?.connection;
  if (stored === undefined || connection === undefined) {
    return refused(404, 'connection_not_found');
  }
  // In negotiate version 0, the token is the public connection id. Any client that knows the id could refresh the connection,
  // so the request is refused.
  if (stored.ids.connectionToken === stored.ids.connectionId) {
    return refused(400, 'unsupported_negotiate_version');
  }
  const admission = await dependencies.admitter.admit(info, 'refresh', () => stored);
  if (admission.kind === 'refused') {
    const { status } = admission.answer;
    if (status === 401) return refused(401, 'invalid_token');
    return status === 403 ? refused(403, 'user_changed') : admission.answer;
  }
  connection.updatePrincipal(admission.principal);
  // The hook may wait for a running method, and the client sends its next request only after this answer. Therefore the hook
  // is not awaited.
  if (connection.principal === admission.principal) void dependencies.hub.authenticationRefreshed(connection);
  const nowMs = dependencies.hub.ticker.wallMs();
  return json(200, { tokenLifetimeSeconds: lifetimeSecondsOf(connection.principal, nowMs) });
}

/** Maximum lifetime in an answer. .NET clients read the lifetime as an Int32. */
const MAXIMUM_LIFETIME_SECONDS = 2_147_483_647;

/** Returns the whole seconds until the credentials expire. Returns undefined if they never expire or have already expired. */
export function lifetimeSecondsOf(principal: ConnectionPrincipal, nowMs: number): number | undefined {
  if (principal.expiresAtMs === undefined || principal.expiresAtMs <= nowMs) return undefined;
  return Math.min(Math.floor((principal.expiresAtMs - nowMs) / 1000), MAXIMUM_LIFETIME_SECONDS);
}

function refused(status: number, error: string): HttpAnswer {
  return json(status, { error });
}

function json(status: number, body: unknown): HttpAnswer {
  return { status, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}
