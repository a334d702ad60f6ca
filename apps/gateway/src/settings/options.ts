// The options of a gateway, with defaults. `environment.ts` reads them from the environment; tests and embedders pass them directly.
import { type AnyCatalog, eventCatalog } from '@millrace/contract';
import { GatewayError } from '../errors.js';
import type { GatewayExtension } from '../extension.js';
import { faultOfApiKey, faultOfHttpUrl, faultOfOrigin, type UrlPart } from './setting-checks.js';

/** Options of {@link createGateway}. */
export interface GatewayOptions<C extends AnyCatalog = typeof eventCatalog> {
  /** Event types and streams to carry. @defaultValue the nine built-in types */
  readonly catalog?: C;
  /** TCP port; 0 takes a free one. @defaultValue 4400 */
  readonly port?: number;
  /** Address to listen on. @defaultValue '127.0.0.1' */
  readonly host?: string;
  /** `redis://…`, of a server or of nodes of a cluster; without it the broker is in memory and serves this process only. */
  readonly redisUrl?: string | undefined;
  /**
   * Number of partitions of each stream, 1 to 32. The first number is stored; a gateway with another one does not start.
   * @defaultValue the stored number, else 1
   */
  readonly partitions?: number | undefined;
  /** Secret of HS256 tokens, at least 32 bytes. */
  readonly jwtSecret?: string | undefined;
  /** Address of the JSON Web Key Set that signs tokens. */
  readonly jwksUrl?: string | undefined;
  /**
   * While that server is unavailable, its last keys are used for this long; then clients are told to come back (503).
   * @defaultValue 86_400_000
   */
  readonly jwksMaxStaleMs?: number;
  /** Keys that are older are fetched again, while requests continue to use them. @defaultValue 600_000 */
  readonly jwksRefreshMs?: number;
  /** Keys that may publish over HTTP. */
  readonly apiKeys?: readonly string[];
  /** Name of this gateway, in logs and in the broker. Unique among live gateways. @defaultValue host name and process ID */
  readonly instance?: string | undefined;
  /**
   * Address at which the other gateways reach this one: `http://10.0.0.7:4400`. With it any gateway answers any request of a client: no
   * sticky sessions are needed for server-sent events and long polling. Needs Redis and `connectionKeys`. @defaultValue none
   */
  readonly instanceUrl?: string | undefined;
  /** Keys that sign connection tokens; the same on all gateways, at least 32 bytes each. The first signs, all are accepted. */
  readonly connectionKeys?: readonly string[];
  /** Open rooms, anonymous users, no API key needed where none is set. Only on a loopback address. @defaultValue false */
  readonly isDevelopment?: boolean;
  /** Origins whose pages may connect; `*` for all. @defaultValue none (in development: every loopback origin) */
  readonly allowedOrigins?: readonly string[];
  /** Largest body of `POST /v1/events`. @defaultValue 1_048_576 */
  readonly maxBodyBytes?: number;
  /** Most events in one `POST /v1/events`. @defaultValue 500 */
  readonly maxEventsPerRequest?: number;
  /** Most rooms one connection may have joined. @defaultValue 1_000 */
  readonly maxRoomsPerConnection?: number;
  /**
   * Time from which an event's age is measured: the entry's ID (broker time, so a wrong producer clock loses nothing) or the
   * producer's `timestamp`. @defaultValue 'entry'
   */
  readonly freshness?: 'entry' | 'timestamp';
  /** Deduplication interval: time for which an `event_id` is remembered. @defaultValue 300_000 */
  readonly dedupeWindowMs?: number;
  /** Most remembered `event_id`s, those of typing not counted; the oldest are forgotten first. @defaultValue 500_000 */
  readonly maxDedupeIds?: number;
  /** Most entries of each stream that are read at start, for replay and deduplication. @defaultValue 25_000 */
  readonly maxWarmUpEntries?: number;
  /** Time for which delivered events are kept in memory for returning clients. @defaultValue 300_000 */
  readonly replayWindowMs?: number;
  /** Most memory for these events; at the bound they are kept for a shorter time. @defaultValue 268_435_456 */
  readonly maxReplayBytes?: number;
  /** Most events replayed for one room; a client that missed more is told to reload. @defaultValue 1_000 */
  readonly maxReplayEventsPerRoom?: number;
  /** Most bytes replayed for one room. @defaultValue 1_048_576 */
  readonly maxReplayBytesPerRoom?: number;
  /**
   * Most bytes that may wait for one connection. At half of it the connection is taken out of its rooms and sent what it missed from memory,
   * at its own pace; a connection that is sent more all the same is closed. @defaultValue 1_048_576
   */
  readonly maxOutboundBytes?: number;
  /** The same bound in messages. @defaultValue 8_192 */
  readonly maxOutboundMessages?: number;
  /** A connection that accepts no byte for this long while bytes wait for it is closed; it may reconnect. @defaultValue 10_000 */
  readonly sendTimeoutMs?: number;
  /** A connection that was sent nothing for this long is sent its position, if it changed. @defaultValue 20_000 */
  readonly positionIntervalMs?: number;
  /** A typing indicator without news ends after this. @defaultValue what its event types declare: 10_000 */
  readonly typingExpiryMs?: number;
  /** Most typing events and receipts a second that one user may send through the hub, on all connections to this gateway together. @defaultValue 20 */
  readonly maxClientEventsPerSecond?: number;
  /** Most of these at once, after a pause. @defaultValue 60 */
  readonly maxClientEventsBurst?: number;
  /** An event whose producer clock is further off than this is counted. @defaultValue 30_000 */
  readonly clockSkewLimitMs?: number;
  /** Acknowledged entries stay in their stream at least this long. @defaultValue 30_000 */
  readonly minAgeMs?: number;
  /** Programs that this gateway serves in addition to its own routes. @defaultValue none */
  readonly extensions?: readonly GatewayExtension[];
  /**
   * When the gateway stops, its clients are told to reconnect (elsewhere) in waves spread over this time, and served
   * until then. @defaultValue 10_000, in development 0
   */
  readonly drainMs?: number;
  /** Longest time that the rest of a stop may take; after it, components that have not closed are abandoned. @defaultValue 10_000 */
  readonly shutdownTimeoutMs?: number;
}

/** Options with every default filled in. */
export type ResolvedGatewayOptions = Readonly<
  Required<Omit<GatewayOptions<AnyCatalog>, OptionalOption>> &
    Pick<GatewayOptions, OptionalOption> & {
      readonly instance: string;
    }
>;

/** Options without a default: their absence has a meaning. */
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

/** Options that must be whole numbers from 1. The broker checks the options that it is given. */
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
 * Fills in defaults, checks and freezes.
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

/** One hour is longer than any supervisor waits for a process to end. */
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
 * RFC 7518 section 3.2: an HS256 key must have at least 256 bits.
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

/** The instance is a name in logs and in the broker. */
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
