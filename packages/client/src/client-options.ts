// The options of a client, with their defaults and checks.
import { type BackOffOptions, type Clock, systemClock } from '@millrace/internal';
import { ClientError } from './client-error.js';
import type { CreateConnection } from './connection/connection-port.js';
import type { NetworkEvents } from './connection/connector.js';
import { createSignalRConnections, type SignalROptions } from './connection/signalr-adapter.js';
import type { AccessToken } from './connection/token-source.js';
import { type IndicatorCatalog, IndicatorRules } from './indicators/indicator-rules.js';

/** Options of `createClient`. */
export interface ClientOptions {
  /**
   * Address of the gateway, such as `https://live.example.com`. The client appends the path `/hubs/events` if
   * it is missing. In a web page, `''` means the page's own origin.
   */
  readonly url: string;
  /**
   * Returns the token for each attempt to connect. Not needed if the gateway reads cookies or runs in
   * development mode. @defaultValue none
   */
  readonly accessToken?: AccessToken;
  /**
   * Maximum delay before the first attempt to reconnect, in milliseconds. The maximum doubles with each failed attempt.
   * @defaultValue 1_000
   */
  readonly retryBaseMs?: number;
  /** Maximum delay before any attempt to reconnect, in milliseconds. @defaultValue 30_000 */
  readonly retryMaxMs?: number;
  /**
   * Number of consecutive unsuccessful attempts to connect after which the client gives up. An attempt is unsuccessful if it fails,
   * or if its connection lasts less than 5 s.
   * @defaultValue Infinity: the client never gives up
   */
  readonly maxAttempts?: number;
  /** Time after which an attempt to connect fails if there is still no connection, in milliseconds. @defaultValue 15_000 */
  readonly attemptTimeoutMs?: number;
  /** Maximum number of joins that wait for their answers at the same time. @defaultValue 8 */
  readonly maxJoinsAtOnce?: number;
  /** Time for which an `event_id` is remembered in order to drop repeats, in milliseconds. @defaultValue 300_000 */
  readonly dedupeWindowMs?: number;
  /** Maximum number of remembered `event_id`s. The oldest are forgotten first. @defaultValue 50_000 */
  readonly maxDedupeIds?: number;
  /**
   * Your catalog, or only the `name`, `indicator` and `endsCoalescing` of its event types. For each indicator of the catalog, the
   * client keeps a list of the users whom the indicator shows.
   * @defaultValue typing, as the built-in catalog declares it
   */
  readonly catalog?: IndicatorCatalog;
  /**
   * Time after which a typing indicator ends if no new event arrives, in milliseconds.
   * @defaultValue the expiry that the catalog declares. It is 10_000 in the built-in catalog
   */
  readonly typingExpiryMs?: number;
  /**
   * Time after which an unchanged "is typing" is sent again, in milliseconds. Keep this time below the expiry of typing.
   * @defaultValue 4_000
   */
  readonly typingRepeatMs?: number;
  /** Maximum number of users whom one indicator shows in one room, such as users who are typing. @defaultValue 100 */
  readonly maxTypingUsers?: number;
  /**
   * Maximum number of IDs of read messages that are kept per room until they are sent. The oldest IDs are dropped first.
   * @defaultValue 500
   */
  readonly maxReceipts?: number;
  /**
   * Maximum number of events of `user:me` that are held back until their order is known. Events above this
   * number are delivered in the order of arrival.
   * @defaultValue 2_000
   */
  readonly maxHeldEvents?: number;
  /** Settings of the official SignalR client: transport, headers, MessagePack, logging. */
  readonly signalr?: SignalROptions;
  /** Creates the connections. Replaces the official SignalR client. */
  readonly createConnection?: CreateConnection;
  /** @defaultValue the system clock */
  readonly clock?: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** Returns random numbers from 0 up to, but not including, 1. @defaultValue Math.random */
  readonly random?: () => number;
  /** Reports the return of the network. @defaultValue `window`, if there is one */
  readonly network?: NetworkEvents;
}

type Unresolved =
  | 'accessToken'
  | 'network'
  | 'signalr'
  | 'retryBaseMs'
  | 'retryMaxMs'
  | 'catalog'
  | 'typingExpiryMs';

/** Options with every default filled in. */
export type ResolvedClientOptions = Readonly<
  Required<Omit<ClientOptions, Unresolved>> & {
    readonly indicators: IndicatorRules;
    readonly accessToken: AccessToken | undefined;
    readonly network: NetworkEvents | undefined;
    readonly retry: BackOffOptions;
  }
>;

const defaults = {
  retryBaseMs: 1_000,
  retryMaxMs: 30_000,
  maxAttempts: Number.POSITIVE_INFINITY,
  attemptTimeoutMs: 15_000,
  maxJoinsAtOnce: 8,
  dedupeWindowMs: 300_000,
  maxDedupeIds: 50_000,
  typingRepeatMs: 4_000,
  maxTypingUsers: 100,
  maxReceipts: 500,
  maxHeldEvents: 2_000,
};

/**
 * Fills in the defaults, checks the options and freezes them.
 *
 * @throws ClientError `invalid_argument`
 */
export function resolveOptions(options: ClientOptions): ResolvedClientOptions {
  const { signalr, network, accessToken, catalog, typingExpiryMs, ...given } = options;
  const { retryBaseMs, retryMaxMs, ...resolved } = {
    ...defaults,
    clock: systemClock,
    random: Math.random,
    createConnection: createSignalRConnections(signalr),
    ...withoutUndefined(given),
  };
  for (const name of Object.keys(defaults) as (keyof typeof defaults)[]) {
    const value = { ...resolved, retryBaseMs, retryMaxMs }[name];
    // The comparison is also false for NaN and for values that are not numbers.
    if (!(value > 0)) throw new ClientError('invalid_argument', `${name} must be a number above 0.`);
  }
  if (typingExpiryMs !== undefined && !(typingExpiryMs > 0))
    throw new ClientError('invalid_argument', 'typingExpiryMs must be a number above 0.');
  return Object.freeze({
    ...resolved,
    indicators: new IndicatorRules(catalog, typingExpiryMs),
    url: hubUrl(options.url),
    accessToken,
    network: network ?? (typeof window === 'undefined' ? undefined : window),
    retry: { baseMs: retryBaseMs, maxMs: retryMaxMs },
  });
}

/** Removes the options that are set to undefined, so that they get their defaults. */
function withoutUndefined<T extends object>(options: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

const HUB_PATH = '/hubs/events';

/** Returns the address of the hub. A query string stays at the end of the address. */
function hubUrl(url: string): string {
  const isAbsolute = typeof url === 'string' && /^https?:\/\//.test(url);
  const isOfPage = typeof url === 'string' && /^(\/|\?|$)/.test(url) && typeof document !== 'undefined';
  if (!isAbsolute && !isOfPage) {
    const message =
      'url must begin with http:// or https://; in a page it may also be a path on the same origin.';
    throw new ClientError('invalid_argument', message);
  }
  if (url.includes('#')) throw new ClientError('invalid_argument', 'url must not have a fragment (#…).');
  const [address = '', ...query] = url.split('?');
  const path = address.replace(/\/+$/, '');
  return [path.endsWith(HUB_PATH) ? path : path + HUB_PATH, ...query].join('?');
}
