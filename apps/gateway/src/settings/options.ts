// The options of a gateway, with defaults. `environment.ts` reads them from the environment. Embedders pass them directly.
import { type AnyCatalog, eventCatalog } from '@millrace/contract';
import { GatewayError } from '../errors.js';
import type { GatewayExtension } from '../extension.js';
import { faultOfApiKey, faultOfHttpUrl, faultOfOrigin, type UrlPart } from './setting-checks.js';

/** Options of {@link createGateway}. */
export interface GatewayOptions<C extends AnyCatalog = typeof eventCatalog> {
  /** Event types and streams to carry. @defaultValue the nine built-in types */
  readonly catalog?: C;
  /** TCP port. 0 selects a free port. @defaultValue 4400 */
  readonly port?: number;
  /** Address to listen on. @defaultValue '127.0.0.1' */
  readonly host?: string;
  /** `redis://…` URL of a server or of nodes of a cluster. Without it the broker is in memory and serves this process only. */
  readonly redisUrl?: string | undefined;
  /**
   * Number of partitions of each stream, 1 to 32. The broker stores the number of the first gateway. A gateway with a different
   * number does not start.
   * @defaultValue the stored number, else 1
   */
  readonly partitions?: number | undefined;
  /** Secret that signs HS256 tokens, at least 32 bytes. */
  readonly jwtSecret?: string | undefined;
  /** Address of the key server: the JSON Web Key Set (JWKS) whose keys sign tokens. */
  readonly jwksUrl?: string | undefined;
  /**
   * Maximum age of keys that are still used while the key server is unavailable. Without such keys, clients are answered 503.
   * @defaultValue 86_400_000
   */
  readonly jwksMaxStaleMs?: number;
  /** Age at which keys are fetched again. Requests use the old keys until the new ones arrive. @defaultValue 600_000 */
  readonly jwksRefreshMs?: number;
  /** API keys for publishing over HTTP. */
  readonly apiKeys?: readonly string[];
  /** Name of this gateway, in logs and in the broker. Unique among live gateways. @defaultValue host name and process ID */
  readonly instance?: string | undefined;
  /**
   * Address at which the other gateways reach this one: `http://10.0.0.7:4400`. Any gateway then answers any request of a client,
   * so that server-sent events and long polling need no sticky sessions. Needs Redis and `connectionKeys`. @defaultValue none
   */
  readonly instanceUrl?: string | undefined;
  /**
   * Keys of connection tokens, the same on all gateways, at least 32 bytes each. The first key signs, and all keys are accepted.
   */
  readonly connectionKeys?: readonly string[];
  /**
   * Development mode: every room is open, and users and publishers need no token or API key if none is configured. Allowed on a
   * loopback address only. @defaultValue false
   */
  readonly isDevelopment?: boolean;
  /** Origins whose pages may connect. `*` allows all origins. @defaultValue none (in development: every loopback origin) */
  readonly allowedOrigins?: readonly string[];
  /** Maximum size of the body of `POST /v1/events`, in bytes. @defaultValue 1_048_576 */
  readonly maxBodyBytes?: number;
  /** Maximum number of events in one `POST /v1/events`. @defaultValue 500 */
  readonly maxEventsPerRequest?: number;
  /** Maximum number of rooms that one connection may have joined. @defaultValue 1_000 */
  readonly maxRoomsPerConnection?: number;
  /**
   * Time from which an event's age is measured: the entry's ID or the producer's `timestamp`. The ID has broker time, so that a
   * wrong clock of a producer loses no events. @defaultValue 'entry'
   */
  readonly freshness?: 'entry' | 'timestamp';
  /** Deduplication interval: time for which an `event_id` is remembered. @defaultValue 300_000 */
  readonly dedupeWindowMs?: number;
  /**
   * Maximum number of remembered `event_id`s, without those of ephemeral events such as typing. Beyond it the oldest are forgotten.
   * @defaultValue 500_000
   */
  readonly maxDedupeIds?: number;
  /** Maximum number of entries of each stream that are read at start, for replay and deduplication. @defaultValue 25_000 */
  readonly maxWarmUpEntries?: number;
  /** Time for which delivered events are kept in memory for returning clients. @defaultValue 300_000 */
  readonly replayWindowMs?: number;
  /** Maximum memory for delivered events, in bytes. Beyond it they are kept for a shorter time. @defaultValue 268_435_456 */
  readonly maxReplayBytes?: number;
  /** Maximum number of events replayed for one room. A client that missed more must reload the room. @defaultValue 1_000 */
  readonly maxReplayEventsPerRoom?: number;
  /** Maximum number of bytes replayed for one room. @defaultValue 1_048_576 */
  readonly maxReplayBytesPerRoom?: number;
  /**
   * Maximum number of bytes that may wait for one connection. Beyond half of it, the connection is taken out of its rooms, and is
   * sent what it misses from memory at its own pace. Beyond all of it, the connection is closed. @defaultValue 1_048_576
   */
  readonly maxOutboundBytes?: number;
  /** Maximum number of messages that may wait for one connection, with the same effects. @defaultValue 8_192 */
  readonly maxOutboundMessages?: number;
  /**
   * Time after which a connection that accepts no byte is closed while bytes wait for it. It may reconnect. @defaultValue 10_000
   */
  readonly sendTimeoutMs?: number;
  /**
   * Interval at which idle connections are sent the current position, if it has changed. A connection is idle if one of its rooms
   * was sent no event in the interval. @defaultValue 20_000
   */
  readonly positionIntervalMs?: number;
  /** Time after which a typing indicator without a new start expires. @defaultValue what its event types declare: 10_000 */
  readonly typingExpiryMs?: number;
  /**
   * Maximum number of typing events and receipts per second that one user may send through the hub, over all of the user's
   * connections to this gateway. @defaultValue 20
   */
  readonly maxClientEventsPerSecond?: number;
  /** Maximum number of typing events and receipts that one user may send at once after a pause. @defaultValue 60 */
  readonly maxClientEventsBurst?: number;
  /** Difference between a producer's clock and broker time beyond which an event is counted as skewed. @defaultValue 30_000 */
  readonly clockSkewLimitMs?: number;
  /** Minimum time for which acknowledged entries stay in their stream. @defaultValue 30_000 */
  readonly minAgeMs?: number;
  /** Programs that this gateway serves in addition to its own routes. @defaultValue none */
  readonly extensions?: readonly GatewayExtension[];
  /**
   * Time over which a stopping gateway tells its clients, in waves, to reconnect elsewhere. A client is served until its wave.
   * @defaultValue 10_000, in development 0
   */
  readonly drainMs?: number;
  /** Maximum time for the rest of a stop. After it, components that have not closed are abandoned. @defaultValue 10_000 */
  readonly shutdownTimeoutMs?: number;
}

/** Options with every default filled in. */
export type ResolvedGatewayOptions = Readonly<
  Required<Omit<GatewayOptions<AnyCatalog>, OptionalOption>> &
    Pick<GatewayOptions, OptionalOption> & {
      readonly instance: string;
    }
>;

/** Options without a default, because their absence has a meaning. */
type OptionalOption = 'redisUrl' | 'partitions' | 'jwtSecret' | 'jwksUrl' | 'instanceUrl' | 'typingExpiryMs';

const defaults = {
  catalog: eventCatalog as AnyCatalog,
  port: 4400,
  host: '127.0.0.1',
  jwksMaxStaleMs: 86_400_000,
  jwksRefreshMs: 600_000,
  apiKeys: [],
  connectionKeys: [],
  isDevelopment: false,
  allowedOrigins: [],
  maxBodyBytes: 1_048_576,
  maxEventsPerRequest: 500,
  maxRoomsPerConnection: 1_000,
  freshness: 'entry',
  dedupeWindowMs: 300_000,
  maxDedupeIds: 500_000,
  maxWarmUpEntries: 25_000,
  replayWindowMs: 300_000,
  maxReplayBytes: 268_435_456,
  maxReplayEventsPerRoom: 1_000,
  maxReplayBytesPerRoom: 1_048_576,
  maxOutboundBytes: 1_048_576,
  maxOutboundMessages: 8_192,
  sendTimeoutMs: 10_000,
  positionIntervalMs: 20_000,
  maxClientEventsPerSecond: 20,
  maxClientEventsBurst: 60,
  clockSkewLimitMs: 30_000,
  minAgeMs: 30_000,
  extensions: [],
  drainMs: 10_000,
  shutdownTimeoutMs: 10_000,
} as const;

/** Options that must be whole numbers from 1. The broker itself checks the options that are passed on to it. */
const counts = [
  'jwksMaxStaleMs',
  'jwksRefreshMs',
  'maxBodyBytes',
  'maxEventsPerRequest',
  'maxRoomsPerConnection',
  'maxDedupeIds',
  'maxWarmUpEntries',
  'replayWindowMs',
  'maxReplayBytes',
  'maxReplayEventsPerRoom',
  'maxReplayBytesPerRoom',
  'maxOutboundBytes',
  'maxOutboundMessages',
  'sendTimeoutMs',
  'positionIntervalMs',
  'maxClientEventsPerSecond',
  'maxClientEventsBurst',
  'clockSkewLimitMs',
] as const satisfies readonly (keyof typeof defaults)[];

const loopbackHosts = new Set(['127.0.0.1', '::1', 'localhost']);

/**
 * Fills in the defaults, checks the options and freezes the result.
 *
 * @throws GatewayError `invalid_configuration`, with the setting to change in its message.
 */
export function resolveOptions(
  options: GatewayOptions<AnyCatalog>,
  defaultInstance: string,
): ResolvedGatewayOptions {
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const drainMs = options.isDevelopment === true ? 0 : defaults.drainMs;
  const resolved: ResolvedGatewayOptions = { ...defaults, drainMs, instance: defaultInstance, ...given };
  checkDuration('drainMs (MILLRACE_DRAIN_MS)', resolved.drainMs);
  checkDuration('shutdownTimeoutMs', resolved.shutdownTimeoutMs);
  for (const option of counts) checkCount(option, resolved[option]);
  if (resolved.typingExpiryMs !== undefined) checkCount('typingExpiryMs', resolved.typingExpiryMs);
  checkSecrets(resolved);
  checkUrl('MILLRACE_JWKS_URL', resolved.jwksUrl, ['path', 'query']);
  checkInstanceName(resolved.instance);
  checkExtensions(resolved);
  checkOrigins(resolved.allowedOrigins);
  checkInstance(resolved);
  return Object.freeze(resolved);
}

/** Maximum of the options for a stop: one hour, longer than any supervisor waits for a process to end. */
const maxStopMs = 3_600_000;

function checkDuration(option: string, durationMs: number): void {
  if (Number.isInteger(durationMs) && durationMs >= 0 && durationMs <= maxStopMs) return;
  throw invalid(`${option} must be a number of milliseconds from 0 to ${maxStopMs}.`);
}

function checkInstance({ instanceUrl, connectionKeys, redisUrl }: ResolvedGatewayOptions): void {
  if (connectionKeys.some((key) => new TextEncoder().encode(key).length < 32)) {
    throw invalid(
      'Each key in MILLRACE_CONNECTION_KEYS must have at least 32 bytes. `openssl rand -hex 32` makes a good one.',
    );
  }
  if (instanceUrl === undefined) {
    if (connectionKeys.length > 0) throw invalid('MILLRACE_CONNECTION_KEYS needs MILLRACE_INSTANCE_URL.');
    return;
  }
  checkUrl('MILLRACE_INSTANCE_URL', instanceUrl, []);
  if (redisUrl === undefined || connectionKeys.length === 0) {
    throw invalid('MILLRACE_INSTANCE_URL needs MILLRACE_REDIS_URL and MILLRACE_CONNECTION_KEYS.');
  }
}

function checkCount(option: string, count: number): void {
  if (Number.isInteger(count) && count >= 1) return;
  throw invalid(`${option} must be a whole number from 1.`);
}

/**
 * Checks that the secret has at least 256 bits, as RFC 7518, section 3.2, requires of an HS256 key.
 *
 * @throws GatewayError `invalid_configuration`
 */
export function checkJwtSecret(jwtSecret: string): void {
  if (new TextEncoder().encode(jwtSecret).length >= 32) return;
  throw invalid('MILLRACE_JWT_SECRET must have at least 32 bytes. `openssl rand -hex 32` makes a good one.');
}

function checkExtensions({ extensions, isDevelopment }: ResolvedGatewayOptions): void {
  const unsafe = extensions.find(({ isForDevelopment }) => isForDevelopment === true);
  if (isDevelopment || unsafe === undefined) return;
  throw invalid(
    `The demo ${unsafe.name} gives everybody a token that is signed with your secret, so it runs in development mode only. ` +
      'Unset MILLRACE_DEMO, or set MILLRACE_DEV=1.',
  );
}

function checkOrigins(origins: readonly string[]): void {
  for (const origin of origins) {
    const fault = faultOfOrigin(origin);
    if (fault !== undefined) throw invalid(`MILLRACE_ALLOWED_ORIGINS: ${JSON.stringify(origin)} ${fault}.`);
  }
}

function checkUrl(variable: string, url: string | undefined, allowed: readonly UrlPart[]): void {
  const fault = url === undefined ? undefined : faultOfHttpUrl(url, allowed);
  if (fault !== undefined) throw invalid(`${variable} ${fault}.`);
}

/** Checks a name that appears in logs and in the broker. */
function checkInstanceName(instance: string): void {
  if (instance !== '' && Buffer.byteLength(instance) <= 200 && !/[\p{Cc}{}]/u.test(instance)) return;
  throw invalid('MILLRACE_INSTANCE must be 1 to 200 bytes without control characters and braces.');
}

function checkSecrets(options: ResolvedGatewayOptions): void {
  const { isDevelopment, jwtSecret, jwksUrl, apiKeys, host } = options;
  if (jwtSecret !== undefined && jwksUrl !== undefined) {
    throw invalid('Set either MILLRACE_JWT_SECRET or MILLRACE_JWKS_URL, not both.');
  }
  if (jwtSecret !== undefined) checkJwtSecret(jwtSecret);
  for (const key of apiKeys) {
    const fault = faultOfApiKey(key);
    if (fault !== undefined) throw invalid(`Each key in MILLRACE_API_KEYS ${fault}.`);
  }
  if (isDevelopment) {
    if (!loopbackHosts.has(host)) {
      throw invalid(
        `Development mode opens every room to everyone, so it listens on loopback only, not on ${host}. ` +
          'Unset MILLRACE_HOST, or leave development mode and set secrets.',
      );
    }
    return;
  }
  const missing = [
    ...(jwtSecret === undefined && jwksUrl === undefined
      ? ['MILLRACE_JWT_SECRET (or MILLRACE_JWKS_URL)']
      : []),
    ...(apiKeys.length === 0 ? ['MILLRACE_API_KEYS'] : []),
  ];
  if (missing.length > 0) {
    throw invalid(
      `Set ${missing.join(' and ')}. To try Millrace without secrets on this machine only, set MILLRACE_DEV=1.`,
    );
  }
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid_configuration', message);
}
