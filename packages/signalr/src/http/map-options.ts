/*
 * The options of `mapHub` and `mapConnection`, and their rules.
 */
import { callback, flag, type OptionRules, objectWith } from '@millrace/internal';
import type { ClientLimitOptions } from '../budgets/client-limits.js';
import type { HubLimits, RawLimits } from '../options.js';
import { TRANSPORTS_RULE, type TransportName } from '../protocol/negotiate.js';
import type { Authenticate } from './authenticate.js';
import type { OnNegotiate, RedirectNegotiate } from './negotiation.js';
import { type AllowedOrigins, ORIGINS_RULE } from './origin-policy.js';

/** The options that hubs and raw connections share. */
interface EndpointOptions<User> {
  /** The origins whose pages may connect. @defaultValue pages of the same host only */
  readonly allowedOrigins?: AllowedOrigins;
  /**
   * The transports that the server offers, always in this order: WebSockets, server-sent events, long polling.
   * @defaultValue all three
   */
  readonly transports?: readonly TransportName[];
  /**
   * Closes a connection when its newest credentials expire. `authenticate` returns their time as `expiresAtMs`. The client
   * may reconnect.
   * @defaultValue false
   */
  readonly closeOnAuthenticationExpiration?: boolean;
  /**
   * Serves `POST {path}/refresh`, to which clients of .NET 11 send fresh credentials for an open connection. The header
   * `X-SignalR-Connection-Token` contains the token of the connection. The credentials must belong to the same user. This
   * option adds `tokenLifetimeSeconds` to the answers to negotiate requests.
   * @defaultValue false
   */
  readonly enableAuthenticationRefresh?: boolean;
  /**
   * Adds headers to the response of a negotiate request, for example a cookie for a load balancer. Called after `authenticate`. If it
   * throws, the client receives 500 and the error is reported. @defaultValue no headers
   */
  readonly onNegotiate?: OnNegotiate;
  /**
   * Limits the messages, connections and negotiations of one user, over all of the user's connections. @defaultValue no
   * limits
   */
  readonly clientLimits?: ClientLimitOptions<User>;
  /** Redirects clients when they negotiate. @defaultValue no redirect */
  readonly redirectNegotiate?: RedirectNegotiate;
}

/** `authenticate` is optional only if the user's type allows undefined. */
type AuthenticateOption<User> = undefined extends User
  ? { readonly authenticate?: Authenticate<User> }
  : { readonly authenticate: Authenticate<User> };

/** The options of a mapped hub. `authenticate` is required if the hub is declared with a user type. @beta */
export type MapHubOptions<User> = EndpointOptions<User> & {
  /**
   * Allows stateful reconnect. A client that requests it and loses its WebSocket may continue over another one, and loses no
   * messages. The server keeps the bytes that the client has not acknowledged. @defaultValue false
   */
  readonly allowStatefulReconnects?: boolean;
  /**
   * Passes integers beyond ±(2^53 − 1) to the hub as bigints, with all their digits. This applies to arguments, items of
   * streams and answers of clients, over both protocols. A number cannot represent such an integer. Therefore a call with one
   * fails without the option, with an error that names the argument. Results may always contain bigints of up to 64 bits.
   * @defaultValue false
   */
  readonly bigint?: boolean;
  /** Limits of this hub. Each replaces the option of the server with the same name. @defaultValue the limits of the server */
  readonly limits?: HubLimits;
} & AuthenticateOption<User>;

/** The options of `mapConnection`. `authenticate` is required if the handler is declared with a user type. @beta */
export type MapConnectionOptions<User> = EndpointOptions<User> & {
  /** Limits of these connections. Each replaces the option of the server with the same name. @defaultValue the limits of the server */
  readonly limits?: RawLimits;
} & AuthenticateOption<User>;

const ENDPOINT_RULES: OptionRules<
  EndpointOptions<undefined> & { readonly limits?: object; readonly authenticate?: Authenticate<undefined> }
> = {
  allowedOrigins: ORIGINS_RULE,
  transports: TRANSPORTS_RULE,
  closeOnAuthenticationExpiration: flag,
  enableAuthenticationRefresh: flag,
  limits: objectWith([]),
  onNegotiate: callback,
  clientLimits: objectWith([]),
  redirectNegotiate: callback,
  authenticate: callback,
};

/** The rules of the options of `mapConnection`. */
export const MAP_CONNECTION_RULES: OptionRules<MapConnectionOptions<undefined>> = ENDPOINT_RULES;

/** The rules of the options of `mapHub`. */
export const MAP_HUB_RULES: OptionRules<MapHubOptions<undefined>> = {
  ...ENDPOINT_RULES,
  allowStatefulReconnects: flag,
  bigint: flag,
};
