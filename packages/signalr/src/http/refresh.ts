/*
 * Fresh credentials for a connection that is there, as .NET 11 has them: POST with the connection's token in a header, answered
 * in JSON. Nothing of the connection changes but what is known of its user.
 */
import type { ConnectionPrincipal, HubConnection } from '../connection/hub-connection.js';
import type { RequestInfo } from '../hub/hub-context.js';
import type { Admitter } from './admission.js';
import type { ConnectionStore } from './connection-store.js';
import type { HttpAnswer } from './http-answer.js';

/** What a refresh works on. */
export interface RefreshParts {
  readonly store: ConnectionStore;
  readonly admitter: Admitter;
  readonly hub: {
    readonly ticker: { unixTimeMs(): number };
    authenticationRefreshed(connection: HubConnection): Promise<void>;
  };
}

/** Where clients put the token, as it is a secret; `id` of the query is where all their other requests have it. */
const TOKEN_HEADER = 'x-signalr-connection-token';

/** The token of the connection that is to be refreshed; empty when none is named. */
export function refreshedTokenOf({ headers, query }: RequestInfo): string {
  const header = headers[TOKEN_HEADER];
  return (typeof header === 'string' ? header : query.get('id')) ?? '';
}

/** Never rejects. */
export async function answerRefresh(info: RequestInfo, parts: RefreshParts): Promise<HttpAnswer> {
  const token = refreshedTokenOf(info);
  if (token === '') return refused(400, 'missing_connection_token');
  const stored = parts.store.find(token);
  const connection = stored?.attached?.connection;
  if (stored === undefined || connection === undefined) {
    return refused(404, 'connection_not_found');
  }
  // Without a token of its own, anybody who has seen the public id could name the connection.
  if (stored.ids.connectionToken === stored.ids.connectionId) {
    return refused(400, 'unsupported_negotiate_version');
  }
  const admission = await parts.admitter.admit(info, 'refresh', () => stored);
  if (admission.kind === 'refused') {
    const { status } = admission.answer;
    if (status === 401) return refused(401, 'invalid_token');
    return status === 403 ? refused(403, 'user_changed') : admission.answer;
  }
  connection.updatePrincipal(admission.principal);
  // Not awaited: the hook may wait for a method that runs, and the client's next request for this answer.
  if (connection.principal === admission.principal) void parts.hub.authenticationRefreshed(connection);
  const nowMs = parts.hub.ticker.unixTimeMs();
  return json(200, { tokenLifetimeSeconds: lifetimeSecondsOf(connection.principal, nowMs) });
}

/** .NET clients read the lifetime as an Int32. */
const MAXIMUM_LIFETIME_SECONDS = 2_147_483_647;

/** Whole seconds until the credentials expire; undefined when they do not, or have. */
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
