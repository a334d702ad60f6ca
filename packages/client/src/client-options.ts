// The options of a client, with their defaults and checks.
import { type BackOffOptions, type Clock, systemClock } from '@millrace/internal';
import { ClientError } from './client-error.js';
import type { CreateConnection } from './connection/connection-port.js';
import type { NetworkEvents } from './connection/connector.js';
import { createSignalRConnections, type SignalROptions } from './connection/signalr-adapter.js';
import type { AccessToken } from './connection/token-source.js';
import { type IndicatorCatalog, IndicatorRules } from './indicators/indicator-rules.js';

/** Options of `createClient`. @public */
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
   * Maximum milliseconds before the first attempt to reconnect. The maximum doubles with each failed attempt.
   * @defaultValue 1_000
   */
  readonly retryBaseMs?: number;
  /** Maximum milliseconds before any attempt to reconnect. @defaultValue 30_000 */
  readonly retryMaxMs?: number;
  /**
   * Number of unsuccessful attempts in a row after which the client gives up. An attempt is unsuccessful if it fails, or if
   * its connection lasts less than 5 s.
   * @defaultValue Infinity: the client never gives up
   */
  readonly maxAttempts?: number;
  /** Milliseconds after which an attempt to connect without a result fails. @defaultValue 15_000 */
  readonly attemptTimeoutMs?: number;
  /** Maximum number of joins that wait for their answers at the same time. @defaultValue 8 */
  readonly maxJoinsAtOnce?: number;
  /** Milliseconds for which an `event_id` is remembered to drop repeats. @defaultValue 300_000 */
  readonly dedupeWindowMs?: number;
  /** Maximum number of remembered `event_id`s. The oldest are forgotten first. @defaultValue 50_000 */
  readonly maxDedupeIds?: number;
  /**
   * Your catalog, or only the `name`, `indicator` and `endsCoalescing` of its event types. The client keeps a list of shown
   * users for each of the catalog's indicators.
   * @defaultValue typing, as the built-in catalog declares it
   * @beta
   */
  readonly catalog?: IndicatorCatalog;
  /**
   * Milliseconds after which a typing indicator ends if no new event arrives.
   * @defaultValue the expiry that the catalog declares. It is 10_000 in the built-in catalog
   */
  readonly typingExpiryMs?: number;
  /**
   * Milliseconds after which an unchanged "is typing" is sent again. Keep it below the expiry of typing.
   * @defaultValue 4_000
   */
  readonly typingRepeatMs?: number;
  /** Maximum number of users whom one indicator, such as typing, shows in one room. @defaultValue 100 */
  readonly maxTypingUsers?: number;
  /**
   * Maximum number of read-message IDs per room that wait to be sent. The oldest are dropped first.
   * @defaultValue 500
   */
  readonly maxReceipts?: number;
  /**
   * Maximum number of events of `user:me`, and of `*`, that are held back until their order is known. Events above this
   * number are delivered in the order of arrival. It is also the maximum number of events that one `room.load` holds. With one more,
   * the room is loaded again.
   * @defaultValue 2_000
   * @beta
   */
  readonly maxHeldEvents?: number;
  /** Settings of the official SignalR client: transport, headers, MessagePack, logging. @beta */
  readonly signalr?: SignalROptions;
  /** Creates the connections. Replaces the official SignalR client. @beta */
  readonly createConnection?: CreateConnection;
  /** @defaultValue the system clock @beta */
  readonly clock?: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** Returns a random number from 0 (inclusive) to 1 (exclusive). @defaultValue Math.random @beta */
  readonly random?: () => number;
  /** Reports the return of the network. @defaultValue `window`, if there is one @beta */
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

/** A valid value for each option. */
const samples = {
  ...defaults,
  url: '',
  accessToken: isLike,
  catalog: { eventTypes: 1 },
  typingExpiryMs: 1,
  signalr: {},
  createConnection: isLike,
  clock: { monotonicMs: 1, startTimer: 1 },
  random: isLike,
  network: { addEventListener: 1, removeEventListener: 1 },
};

/**
 * Fills in the defaults, checks the options and freezes them.
 *
 * @throws ClientError `invalid_argument`
 */
export function resolveOptions(options: ClientOptions): ResolvedClientOptions {
  const given = checkedOptions(options, samples);
  const { url, signalr, network, accessToken, catalog, typingExpiryMs, ...rest } = given;
  const { retryBaseMs, retryMaxMs, ...resolved } = {
    ...defaults,
    clock: systemClock,
    random: Math.random,
    createConnection: createSignalRConnections(signalr),
    ...rest,
  };
  return Object.freeze({
    ...resolved,
    indicators: new IndicatorRules(catalog, typingExpiryMs),
    url: hubUrl(url),
    accessToken,
    network: network ?? globalThis.window,
    retry: { baseMs: retryBaseMs, maxMs: retryMaxMs },
  });
}

/**
 * Checks each option against the sample of the same name, and returns the options without those that are
 * undefined. The shared checks of @millrace/internal would make this client larger by a tenth.
 *
 * @throws ClientError `invalid_argument`
 */
export function checkedOptions<Options extends object>(
  options: Options,
  samples: object,
): { [K in keyof Options]: Exclude<Options[K], undefined> } {
  const given: Record<string, unknown> = {};
  for (const name in options) {
    const value: unknown = options[name];
    const sample: unknown = samples[name as never];
    const type = typeof sample;
    if (sample === undefined) throw invalid(`${name} is not one of ${Object.keys(samples).join()}.`);
    if (value === undefined) continue;
    // A value of another type is not shown, because it may be a token.
    if (!isLike(value, sample))
      throw invalid(
        `${name} must be a ${(sample as number) > 0 ? 'positive number' : type}, not ${type === typeof value ? (value as number) : typeof value}.`,
      );
    given[name] = value;
  }
  return given as never;
}

/** True for a value of the sample's type. A number must be above 0, and an object must have the fields of the sample. */
function isLike(value: unknown, sample: unknown): boolean {
  return (
    typeof value === typeof sample &&
    value !== null &&
    (typeof value !== 'number' || value > 0) &&
    Object.keys(sample as object).every((name) => (value as never)[name])
  );
}

function invalid(message: string): ClientError {
  return new ClientError('invalid_argument', message);
}

const HUB_PATH = '/hubs/events';

/** Returns the address of the hub. A query string stays at the end of the address. */
function hubUrl(url: string): string {
  const allowed = typeof document === 'undefined' ? /^https?:\/\/[^#]*$/ : /^((https?:\/)?\/|\?|$)[^#]*$/;
  if (!allowed.test(url)) throw invalid('url must begin with https:// or http:// (pages: or /), no #.');
  const [address = '', ...query] = url.split('?');
  const path = address.replace(/\/+$/, '');
  return [path.endsWith(HUB_PATH) ? path : path + HUB_PATH, ...query].join('?');
}
