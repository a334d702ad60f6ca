// The options of a gateway, with defaults. `environment.ts` reads them from the environment. Embedders pass them directly, and
// `resolve-options.ts` checks them.
import { type AnyCatalog, eventCatalog } from '@millrace/contract';
import type { Application } from '../application/application.js';
import type { ApiKey } from '../auth/api-keys.js';
import { KEY_ALGORITHMS } from '../auth/token-rules.js';
import type { TenantOf } from '../tenants/tenants.js';
import { ACCESS_DEFAULTS, type AccessSettings } from './access-options.js';
import { PRESENCE_DEFAULTS, type PresenceSettings } from './presence-options.js';

/** Options of {@link createGateway}. @beta */
export interface GatewayOptions<C extends AnyCatalog = typeof eventCatalog>
  extends PresenceSettings,
    AccessSettings {
  /** The event types and streams of the gateway. @defaultValue those of `app`, else the nine built-in types */
  readonly catalog?: C;
  /** TCP port. 0 selects a free port. @defaultValue 4400 */
  readonly port?: number;
  /** Address to listen on. @defaultValue '127.0.0.1' */
  readonly host?: string;
  /**
   * A TCP port of its own for `/metrics` and the reasons of `/readyz`. The port of the clients then serves no metrics, and
   * its `/readyz` shows no reasons. 0 selects a free port. @defaultValue none: everything is on `port`
   */
  readonly adminPort?: number | undefined;
  /** Address on which the admin port listens. @defaultValue the value of `host` */
  readonly adminHost?: string | undefined;
  /**
   * URL of Redis: `redis://…` of a server or of nodes of a cluster, `redis+sentinel://…` or `unix://…`. See
   * `RedisBrokerOptions.url`. Without it, the broker is in memory and serves only this process.
   */
  readonly redisUrl?: string | undefined;
  /** Authorities that may sign the certificate of Redis, as PEM text. @defaultValue the public authorities */
  readonly redisTlsCa?: string | undefined;
  /** Certificate of this gateway for Redis, as PEM text. Needs `redisTlsKey`. @defaultValue none */
  readonly redisTlsCert?: string | undefined;
  /** Private key of `redisTlsCert`, as PEM text without a passphrase. @defaultValue none */
  readonly redisTlsKey?: string | undefined;
  /** Host name that the certificate of Redis must have. @defaultValue the host in the URL */
  readonly redisTlsServerName?: string | undefined;
  /**
   * Begins the name of every key and stream in Redis. With `acme:`, the stream `events:chat` is `acme:events:chat`. All
   * gateways and publishers of a deployment have the same prefix. Needs Redis. @defaultValue '', or 'millrace:' if a stream of the
   * catalog has `retention: 'observe'`. The key of such a stream has no prefix
   */
  readonly redisKeyPrefix?: string;
  /**
   * Consumer group that records which events were delivered. Gateways with different groups each deliver every event.
   * @defaultValue 'signalr-consumers', or 'millrace' if a stream of the catalog has `retention: 'observe'` (`millrace-<prefix>` with another key prefix)
   */
  readonly consumerGroup?: string;
  /**
   * Number of partitions of each stream, 1 to 32. The broker stores the number of the first gateway. A gateway with another
   * number does not start.
   * @defaultValue the stored number, else 1
   */
  readonly partitions?: number | undefined;
  /** Secret that signs tokens (HS256), at least 32 bytes. The gateway also signs the demo's tokens with it. */
  readonly jwtSecret?: string | undefined;
  /**
   * More secrets whose tokens are accepted, so that the secret can be changed without refusing any client.
   * @defaultValue none
   */
  readonly jwtSecrets?: readonly string[];
  /**
   * Address of the key server: the JSON Web Key Set (JWKS) whose keys sign tokens. With both secrets and a key server, the
   * algorithm of a token decides which of them verifies it.
   */
  readonly jwksUrl?: string | undefined;
  /**
   * Maximum age of keys that are still used while the key server is unavailable. Clients get 503 when no such key is left.
   * @defaultValue 86_400_000
   */
  readonly jwksMaxStaleMs?: number;
  /** Age at which keys are fetched again. The old keys are used until the new ones arrive. @defaultValue 600_000 */
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
  /**
   * Maximum time between the claims `iat` and `exp`. Both claims are then required.
   * @defaultValue none
   */
  readonly jwtMaxLifeMs?: number | undefined;
  /** Closes a connection when its token expires, over all transports. The client may reconnect. @defaultValue false */
  readonly closeOnAuthenticationExpiration?: boolean;
  /**
   * Time for which removals from rooms and sign-outs are kept: the longest lifetime of a token. At least `jwtMaxLifeMs`.
   * @defaultValue `jwtMaxLifeMs`, else 2_592_000_000 (30 days)
   */
  readonly revocationKeepMs?: number;
  /** Maximum length of a token in bytes. @defaultValue 32_768 */
  readonly maxTokenBytes?: number;
  /** API keys for publishing over HTTP: plain keys, which may publish everything, or keys with a name and limits. */
  readonly apiKeys?: readonly (string | ApiKey)[];
  /** Name of this gateway, in logs and in the broker. Unique among live gateways. @defaultValue host name and process ID */
  readonly instance?: string | undefined;
  /**
   * Address at which the other gateways reach this one: `http://10.0.0.7:4400`. Any gateway can then answer any request of a
   * client. Therefore server-sent events and long polling need no sticky sessions. Needs Redis and `connectionKeys`.
   * @defaultValue none
   */
  readonly instanceUrl?: string | undefined;
  /**
   * Keys of connection tokens, the same on all gateways, at least 32 bytes each. The first key signs. All keys are accepted.
   */
  readonly connectionKeys?: readonly string[];
  /**
   * Development mode. Every room is open. Users and publishers need no secret or key if none is configured. Allowed only on a
   * loopback address. @defaultValue false
   */
  readonly isDevelopment?: boolean;
  /** Origins whose pages may connect. `*` allows all origins. @defaultValue none (in development: every loopback origin) */
  readonly allowedOrigins?: readonly string[];
  /** Maximum size of the body of `POST /v1/events`, in bytes. @defaultValue 1_048_576 */
  readonly maxBodyBytes?: number;
  /** Maximum number of events in one `POST /v1/events`. @defaultValue 500 */
  readonly maxEventsPerRequest?: number;
  /**
   * Proxies whose header `X-Forwarded-For` is believed: addresses, ranges in CIDR notation, or `loopback`, `linklocal`,
   * `uniquelocal`. `['none']` says that there is no proxy. @defaultValue none declared: requests with headers of a proxy have
   * no limits per address
   */
  readonly trustedProxies?: readonly string[];
  /** Maximum number of open connections of one user to this gateway. @defaultValue 100 */
  readonly maxConnectionsPerUser?: number;
  /**
   * Maximum number of connections that one user has negotiated with this gateway without opening them. Not enforced with
   * `instanceUrl`. @defaultValue 50
   */
  readonly maxPendingConnectionsPerUser?: number;
  /** Maximum number of rooms that one user may have joined over all connections to this gateway. @defaultValue 10_000 */
  readonly maxRoomsPerUser?: number;
  /**
   * Number of calls and other messages per second that one user may send to this gateway, over all connections. A call beyond
   * it is refused. A connection that continues is closed. @defaultValue 100
   */
  readonly maxClientCallsPerSecond?: number;
  /**
   * Number of calls and other messages that one user may send at once after a pause. At least `2 × maxRoomsPerConnection + 100`, so
   * that a client that reconnects can rejoin all of its rooms. @defaultValue 2 × `maxRoomsPerConnection` + 1_000
   */
  readonly maxClientCallsBurst?: number;
  /**
   * Number of users for whom one address stands. An address whose clients are not signed in has this many times the limits of
   * a user. @defaultValue 200
   */
  readonly usersPerAddress?: number;
  /** Maximum number of rooms that one connection may have joined. @defaultValue 1_000 */
  readonly maxRoomsPerConnection?: number;
  /**
   * Time from which an event's age is measured: the entry's ID or the producer's `timestamp`. The ID contains the time of the
   * broker. Therefore a producer's wrong clock loses no events. @defaultValue 'entry'
   */
  readonly freshness?: 'entry' | 'timestamp';
  /** Deduplication interval: time for which an `event_id` is remembered. @defaultValue 300_000 */
  readonly dedupeWindowMs?: number;
  /**
   * Maximum number of remembered `event_id`s, without those of ephemeral events such as typing. Above it, the oldest are
   * forgotten.
   * @defaultValue 500_000
   */
  readonly maxDedupeIds?: number;
  /** Maximum number of entries of each stream that are read at start, for replay and deduplication. @defaultValue 25_000 */
  readonly maxWarmUpEntries?: number;
  /** Time for which delivered events are kept in memory for returning clients. @defaultValue 300_000 */
  readonly replayWindowMs?: number;
  /**
   * Maximum memory for delivered events, in bytes. When it is full, events are kept for a shorter time. @defaultValue
   * 268_435_456
   */
  readonly maxReplayBytes?: number;
  /** Maximum number of events replayed for one room. A client that missed more must reload the room. @defaultValue 1_000 */
  readonly maxReplayEventsPerRoom?: number;
  /** Maximum number of bytes replayed for one room. @defaultValue 1_048_576 */
  readonly maxReplayBytesPerRoom?: number;
  /**
   * Maximum number of bytes that may wait for one connection. Above half of it, the connection is taken out of its rooms, and
   * receives the missed events from memory at its own pace. Above it, the connection is closed. @defaultValue 1_048_576
   */
  readonly maxOutboundBytes?: number;
  /** Maximum number of messages that may wait for one connection, with the same effects. @defaultValue 8_192 */
  readonly maxOutboundMessages?: number;
  /**
   * A connection that accepts none of its waiting bytes for this time is closed. Its client may reconnect. @defaultValue
   * 10_000
   */
  readonly sendTimeoutMs?: number;
  /** The gateway pings a client to which it has sent no other message for this time. @defaultValue 15_000 */
  readonly keepAliveIntervalMs?: number;
  /**
   * The connection of a client that has sent at least one ping and then nothing for this time is closed. Set this to at least
   * twice the client's own ping interval. @defaultValue 30_000
   */
  readonly clientTimeoutMs?: number;
  /** Maximum time from the opening of a transport to the client's handshake. @defaultValue 15_000 */
  readonly handshakeTimeoutMs?: number;
  /**
   * The gateway answers a long poll after this time, even without a message. Proxies often end a request that is idle for 30
   * to 60 s. @defaultValue 25_000
   */
  readonly pollTimeoutMs?: number;
  /** Maximum size of one message of a client in bytes, including its framing. @defaultValue 32_768 */
  readonly maxReceiveBytes?: number;
  /**
   * Interval at which idle connections are sent the current position, if it has changed. A connection is idle if one of its rooms
   * was sent no event in the interval. @defaultValue 20_000
   */
  readonly positionIntervalMs?: number;
  /**
   * Time after which a typing indicator without a new start expires. @defaultValue the expiry that its event
   * types declare: 10_000
   */
  readonly typingExpiryMs?: number;
  /**
   * Maximum number of typing events and receipts per second that one user may send through the hub, over all of the user's
   * connections to this gateway. @defaultValue 20
   */
  readonly maxClientEventsPerSecond?: number;
  /**
   * Maximum number of typing events and receipts that one user may send in a burst after a pause.
   * @defaultValue 60
   */
  readonly maxClientEventsBurst?: number;
  /**
   * Returns the tenant of a room: 1 to 256 bytes of text without control characters, or `undefined` for a room without
   * limits. Called once for each room. It must be fast, and must always return the same tenant for a room. If it fails, the
   * room counts as a room without a tenant. @defaultValue none: no room has a tenant
   */
  readonly tenantOf?: TenantOf | undefined;
  /** Regular expression whose only group is the tenant in a room ID, instead of `tenantOf`. @defaultValue none */
  readonly tenantPattern?: string | undefined;
  /**
   * Maximum number of events per second that may be published over HTTP into the rooms of one tenant. Typing events and
   * receipts of the tenant's clients have a limit of their own with the same rate. @defaultValue 500
   */
  readonly maxTenantEventsPerSecond?: number;
  /**
   * Maximum burst of events that may be published into the rooms of one tenant after a pause. @defaultValue
   * 1_000
   */
  readonly maxTenantEventsBurst?: number;
  /** Maximum number of connections to this gateway that have joined a room of the same tenant. @defaultValue 10_000 */
  readonly maxConnectionsPerTenant?: number;
  /** Maximum memory for delivered events of one tenant, in bytes. @defaultValue `maxReplayBytes` */
  readonly maxReplayBytesPerTenant?: number | undefined;
  /** Difference between a producer's clock and broker time beyond which an event is counted as skewed. @defaultValue 30_000 */
  readonly clockSkewLimitMs?: number;
  /** Minimum time for which acknowledged entries stay in their stream. @defaultValue 30_000 */
  readonly minAgeMs?: number;
  /** The application that this gateway serves: its event types and routes. @defaultValue none */
  readonly app?: Application<C> | undefined;
  /**
   * A stopping gateway tells its clients in waves over this time to reconnect elsewhere. It serves each client until its
   * wave.
   * @defaultValue 10_000, in development 0
   */
  readonly drainMs?: number;
  /**
   * Maximum time for the rest of a stop. Components that have not closed by then are abandoned.
   * @defaultValue 10_000
   */
  readonly shutdownTimeoutMs?: number;
}

/** Options with every default filled in. */
export type ResolvedGatewayOptions = Readonly<
  Required<Omit<GatewayOptions<AnyCatalog>, OptionalOption>> &
    Pick<GatewayOptions<AnyCatalog>, OptionalOption> & {
      readonly instance: string;
      readonly maxClientCallsBurst: number;
      readonly revocationKeepMs: number;
    }
>;

/** Options without a default, because their absence has a meaning. */
type OptionalOption =
  | 'app'
  | 'accessUrl'
  | 'accessKey'
  | 'adminPort'
  | 'adminHost'
  | 'redisUrl'
  | 'redisTlsCa'
  | 'redisTlsCert'
  | 'redisTlsKey'
  | 'redisTlsServerName'
  | 'partitions'
  | 'jwtSecret'
  | 'jwksUrl'
  | 'jwtMaxLifeMs'
  | 'instanceUrl'
  | 'tenantOf'
  | 'tenantPattern'
  | 'maxReplayBytesPerTenant'
  | 'maxClientCallsBurst'
  | 'revocationKeepMs'
  | 'typingExpiryMs';

/** The defaults of all options that have one. */
export const DEFAULTS = {
  ...PRESENCE_DEFAULTS,
  ...ACCESS_DEFAULTS,
  catalog: eventCatalog as AnyCatalog,
  port: 4400,
  host: '127.0.0.1',
  redisKeyPrefix: '',
  consumerGroup: 'signalr-consumers',
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
  closeOnAuthenticationExpiration: false,
  apiKeys: [],
  connectionKeys: [],
  isDevelopment: false,
  allowedOrigins: [],
  maxBodyBytes: 1_048_576,
  maxEventsPerRequest: 500,
  trustedProxies: [],
  maxConnectionsPerUser: 100,
  maxPendingConnectionsPerUser: 50,
  maxRoomsPerUser: 10_000,
  maxClientCallsPerSecond: 100,
  usersPerAddress: 200,
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
  pollTimeoutMs: 25_000,
  maxReceiveBytes: 32_768,
  positionIntervalMs: 20_000,
  maxClientEventsPerSecond: 20,
  maxClientEventsBurst: 60,
  maxTenantEventsPerSecond: 500,
  maxTenantEventsBurst: 1_000,
  maxConnectionsPerTenant: 10_000,
  clockSkewLimitMs: 30_000,
  minAgeMs: 30_000,
  drainMs: 10_000,
  shutdownTimeoutMs: 10_000,
} as const;

/** All secrets whose tokens are accepted. The first secret signs new tokens. */
export function secretsOf({
  jwtSecret,
  jwtSecrets,
}: Pick<ResolvedGatewayOptions, 'jwtSecret' | 'jwtSecrets'>): readonly string[] {
  return [...(jwtSecret === undefined ? [] : [jwtSecret]), ...jwtSecrets];
}
