/*
 * Decides which web pages may use a hub: the Origin check of WebSocket upgrades, and the CORS headers of all other requests.
 */
import type { OptionRule } from '@millrace/internal';

/**
 * Allowed origins: a list such as `['https://app.example', 'capacitor://localhost']`, a function, or `'*'` for any origin.
 *
 * Pages from local files, sandboxed frames and some redirects have the origin `'null'`. Any site can create a sandboxed
 * frame, so a list with `'null'` allows every page. With `'*'`, any page can act with its visitor's cookies. Use `'*'` only
 * if clients authenticate with tokens that their page must provide.
 * @beta
 */
export type AllowedOrigins = readonly string[] | '*' | ((origin: string) => boolean);

/** The rule for the option `allowedOrigins`. */
export const ORIGINS_RULE: OptionRule = {
  mustBe: "a list of origins, '*' or a function",
  isMet: (value) =>
    value === '*' ||
    typeof value === 'function' ||
    (Array.isArray(value) && value.every((origin) => typeof origin === 'string')),
};

/**
 * Returns true when a request from this origin may be served. A request without an `Origin` header is served, because it does not
 * come from a page of another site. Pages of the same host are always served, unless `allowed` is a function.
 * @beta
 */
export function isOriginAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: AllowedOrigins | undefined,
): boolean {
  if (origin === undefined) return true;
  if (allowed === '*') return true;
  if (typeof allowed === 'function') return allowed(origin);
  if (isSameHost(origin, host)) return true;
  const lowered = origin.toLowerCase();
  return allowed?.some((candidate) => candidate.toLowerCase() === lowered) ?? false;
}

/**
 * Returns the CORS headers for an allowed origin. The headers contain the origin itself instead of `*`,
 * because clients send credentials.
 * @beta
 */
export function corsHeaders(origin: string | undefined): Record<string, string> {
  if (origin === undefined) return {};
  return {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Credentials': 'true',
    Vary: 'Origin',
  };
}

/**
 * Returns the additional headers of the answer to a preflight. All requested headers are allowed, because applications may use
 * their own headers.
 * @beta
 */
export function preflightHeaders(requestedHeaders: string | undefined): Record<string, string> {
  return {
    'Access-Control-Allow-Methods': 'GET, POST, DELETE',
    'Access-Control-Allow-Headers':
      requestedHeaders ?? 'x-requested-with, x-signalr-user-agent, authorization, content-type',
    'Access-Control-Max-Age': '600',
  };
}

/** Compares only the hosts. A server behind a proxy that terminates TLS cannot know the scheme. */
function isSameHost(origin: string, host: string | undefined): boolean {
  const match = /^https?:\/\/(.+)$/i.exec(origin);
  return match?.[1] !== undefined && match[1].toLowerCase() === host?.toLowerCase();
}
