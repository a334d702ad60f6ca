// The options of a gateway, with defaults. `environment.ts` reads them from the environment. Embedders pass them directly.
import { type AnyCatalog, eventCatalog } from '@millrace/contract';
import type { ApiKey } from '../auth/api-keys.js';
import { KEY_ALGORITHMS, SECRET_ALGORITHMS } from '../auth/token-rules.js';
import { GatewayError } from '../errors.js';
import type { GatewayExtension } from '../extension.js';
import { nearestName } from './nearest-name.js';
import { checkSetting } from './setting-kinds.js';
import { type ProgramOption, type ProgramSetting, SETTINGS } from './settings.js';

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
  /** Secret that signs tokens (HS256), at least 32 bytes. The gateway signs with it too, for the demo. */
  readonly jwtSecret?: string | undefined;
  /** Further secrets whose tokens are accepted, so that the secret can be changed without refusing anybody. @defaultValue none */
  readonly jwtSecrets?: readonly string[];
  /**
   * Address of the key server: the JSON Web Key Set (JWKS) whose keys sign tokens. Together with secrets, the algorithm of a token
   * decides which of them verifies it.
   */
  readonly jwksUrl?: string | undefined;
  /**
   * Maximum age of keys that are still used while the key server is unavailable. Without such keys, clients are answered 503.
   * @defaultValue 86_400_000
   */
  readonly jwksMaxStaleMs?: number;
  /** Age at which keys are fetched again. Requests use the old keys until the new ones arrive. @defaultValue 600_000 */
  readonly jwksRefreshMs?: number;
  /** Accepted values of the claim `aud`. @defaultValue any value, or none */
  readonly jwtAudience?: readonly string[];
  /** Accepted values of the claim `iss`. @defaultValue any value, or none */
  readonly jwtIssuer?: readonly string[];
  /** Claims that a token must have, in addition to `sub`. `['none']` requires no claim. @defaultValue ['exp'] */
  readonly jwtRequiredClaims?: readonly string[];
  /** Accepted signature algorithms. @defaultValue `HS256` for secrets, every RS, PS, ES and EdDSA algorithm for the key server */
  readonly jwtAlgorithms?: readonly string[];
  /** Accepted values of the header `typ`. A token without `typ` is accepted. @defaultValue ['JWT', 'at+jwt'] */
  readonly jwtTypes?: readonly string[];
  /** Tolerated difference between the clocks of issuer and gateway. @defaultValue 5_000 */
  readonly jwtClockToleranceMs?: number;
  /** Maximum time between the claims `iat` and `exp`. With this option both claims are required. @defaultValue none */
  readonly jwtMaxLifeMs?: number | undefined;
  /** Maximum length of a token in bytes. @defaultValue 32_768 */
  readonly maxTokenBytes?: number;
  /** API keys for publishing over HTTP: plain keys, which may publish everything, or keys with a name and limits. */
  readonly apiKeys?: readonly (string | ApiKey)[];
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
  /** The gateway pings a client after it has sent nothing else to it for this long. @defaultValue 15_000 */
  readonly keepAliveIntervalMs?: number;
  /**
   * The gateway closes the connection of a client that has pinged at least once and is then silent for this long. At least twice
   * the client's own ping interval. @defaultValue 30_000
   */
  readonly clientTimeoutMs?: number;
  /** Maximum time from the opening of a transport to the client's handshake. @defaultValue 15_000 */
  readonly handshakeTimeoutMs?: number;
  /** The gateway answers a long poll after this time, even without a message. Clients give up after 100 s. @defaultValue 90_000 */
  readonly pollTimeoutMs?: number;
  /** Maximum size of one message of a client in bytes, including its framing. @defaultValue 32_768 */
  readonly maxReceiveBytes?: number;
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
type OptionalOption =
  | 'redisUrl'
  | 'partitions'
  | 'jwtSecret'
  | 'jwksUrl'
  | 'jwtMaxLifeMs'
  | 'instanceUrl'
  | 'typingExpiryMs';

/** The defaults of all options that have one. */
export const DEFAULTS = {
  catalog: eventCatalog as AnyCatalog,
  port: 4400,
  host: '127.0.0.1',
  jwtSecrets: [],
  jwksMaxStaleMs: 86_400_000,
  jwksRefreshMs: 600_000,
  jwtAudience: [],
  jwtIssuer: [],
  jwtRequiredClaims: ['exp'],
  jwtAlgorithms: ['HS256', ...KEY_ALGORITHMS],
  jwtTypes: ['JWT', 'at+jwt'],
  jwtClockToleranceMs: 5_000,
  maxTokenBytes: 32_768,
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
  keepAliveIntervalMs: 15_000,
  clientTimeoutMs: 30_000,
  handshakeTimeoutMs: 15_000,
  pollTimeoutMs: 90_000,
  maxReceiveBytes: 32_768,
  positionIntervalMs: 20_000,
  maxClientEventsPerSecond: 20,
  maxClientEventsBurst: 60,
  clockSkewLimitMs: 30_000,
  minAgeMs: 30_000,
  extensions: [],
  drainMs: 10_000,
  shutdownTimeoutMs: 10_000,
} as const;

const loopbackHosts = new Set(['127.0.0.1', '::1', 'localhost']);

/**
 * Fills in the defaults, checks the options and freezes the result.
 *
 * @throws GatewayError `invalid_configuration`, with the setting, its value unless it is a secret, and what is allowed.
 */
export function resolveOptions(
  options: GatewayOptions<AnyCatalog>,
  defaultInstance: string,
): ResolvedGatewayOptions {
  checkOptionNames(options);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const drainMs = options.isDevelopment === true ? 0 : DEFAULTS.drainMs;
  const resolved: ResolvedGatewayOptions = { ...DEFAULTS, drainMs, instance: defaultInstance, ...given };
  for (const { name, variable, kind } of SETTINGS) {
    const value = (resolved as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined) checkSetting(kind, `${name} (${variable})`, value);
  }
  checkSecrets(resolved);
  checkExtensions(resolved);
  checkInstance(resolved);
  return Object.freeze(resolved);
}

/** Options without a variable: only programs can give them. */
const programOptions: readonly ProgramOption[] = ['catalog', 'extensions'];
/** Settings of the program `millrace` that are no options of a gateway. */
const programSettings: readonly ProgramSetting[] = ['logLevel', 'hasDemo'];

/** Refuses an option that does not exist: a misspelt option would have no effect. */
function checkOptionNames(options: object): void {
  const names: readonly string[] = [...SETTINGS.map(({ name }) => name), ...programOptions];
  const known = names.filter((name) => !programSettings.some((setting) => setting === name));
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const nearest = nearestName(unknown, known);
  throw invalid(
    `${unknown} is not an option of a gateway.${nearest === undefined ? '' : ` Did you mean ${nearest}?`}`,
  );
}

function checkInstance({ instanceUrl, connectionKeys, redisUrl }: ResolvedGatewayOptions): void {
  if (instanceUrl === undefined) {
    if (connectionKeys.length > 0) throw invalid('MILLRACE_CONNECTION_KEYS needs MILLRACE_INSTANCE_URL.');
    return;
  }
  if (redisUrl === undefined || connectionKeys.length === 0) {
    throw invalid('MILLRACE_INSTANCE_URL needs MILLRACE_REDIS_URL and MILLRACE_CONNECTION_KEYS.');
  }
}

function checkExtensions({ extensions, isDevelopment }: ResolvedGatewayOptions): void {
  const unsafe = extensions.find(({ isForDevelopment }) => isForDevelopment === true);
  if (isDevelopment || unsafe === undefined) return;
  throw invalid(
    `The demo ${unsafe.name} gives everybody a token that is signed with your secret, so it runs in development mode only. ` +
      'Unset MILLRACE_DEMO, or set MILLRACE_DEV=1.',
  );
}

/** All secrets whose tokens are accepted. The first one signs. */
export function secretsOf({
  jwtSecret,
  jwtSecrets,
}: Pick<ResolvedGatewayOptions, 'jwtSecret' | 'jwtSecrets'>): readonly string[] {
  return [...(jwtSecret === undefined ? [] : [jwtSecret]), ...jwtSecrets];
}

function checkSecrets(options: ResolvedGatewayOptions): void {
  const { isDevelopment, jwksUrl, jwtAlgorithms, apiKeys, host } = options;
  const secrets = secretsOf(options);
  checkSecretLengths(secrets, jwtAlgorithms);
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
    ...(secrets.length === 0 && jwksUrl === undefined ? ['MILLRACE_JWT_SECRET (or MILLRACE_JWKS_URL)'] : []),
    ...(apiKeys.length === 0 ? ['MILLRACE_API_KEYS'] : []),
  ];
  if (missing.length > 0) {
    throw invalid(
      `Set ${missing.join(' and ')}. To try Millrace without secrets on this machine only, set MILLRACE_DEV=1.`,
    );
  }
}

/** RFC 7518, section 3.2: a secret has at least as many bits as the hash of the algorithm. */
function checkSecretLengths(secrets: readonly string[], algorithms: readonly string[]): void {
  const bits = algorithms
    .filter((name) => SECRET_ALGORITHMS.includes(name))
    .map((name) => Number(name.slice(2)));
  const minBytes = Math.max(0, ...bits) / 8;
  if (secrets.every((secret) => Buffer.byteLength(secret) >= minBytes)) return;
  throw invalid(
    `MILLRACE_JWT_ALGORITHMS allows HS${minBytes * 8}, which needs secrets of at least ${minBytes} bytes.`,
  );
}

function invalid(message: string): GatewayError {
  return new GatewayError('invalid_configuration', message);
}
