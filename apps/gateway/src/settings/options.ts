// The options of a gateway, with defaults. `environment.ts` reads them from the environment. Embedders pass them directly, and
// `resolve-options.ts` checks them.
import { type AnyCatalog, eventCatalog } from '@millrace/contract';
import type { ApiKey } from '../auth/api-keys.js';
import { KEY_ALGORITHMS } from '../auth/token-rules.js';
import type { GatewayExtension } from '../extension.js';
import type { TenantOf } from '../tenants/tenants.js';

/** Options of {@link createGateway}. */
export interface GatewayOptions<C extends AnyCatalog = typeof eventCatalog> {
  /** The event types and streams of the gateway. @defaultValue the nine built-in types */
  readonly catalog?: C;
  /** TCP port. 0 selects a free port. @defaultValue 4400 */
  readonly port?: number;
  /** Address to listen on. @defaultValue '127.0.0.1' */
  readonly host?: string;
  /**
   * Separate TCP port for `/metrics` and the reasons of `/readyz`. With this port, the port of the clients
   * serves no metrics, and its `/readyz` shows no reasons. 0 selects a free port. @defaultValue none:
   * everything is on `port`
   */
  readonly adminPort?: number | undefined;
  /** Address on which the admin port listens. @defaultValue the value of `host` */
  readonly adminHost?: string | undefined;
  /**
   * URL of Redis: `redis://…` of a server or of nodes of a cluster, `redis+sentinel://…` or `unix://…`. See
   * `RedisBrokerOptions.url`. Without a URL, the broker is in memory and serves only this process.
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
   * Begins the name of every key and stream in Redis: with `acme:`, the stream `events:chat` is `acme:events:chat`. All gateways and
   * publishers of a deployment have the same prefix. Needs Redis. @defaultValue ''
   */
  readonly redisKeyPrefix?: string;
  /**
   * Consumer group that records which events were delivered. Gateways with different groups each deliver every event.
   * @defaultValue 'signalr-consumers'
   */
  readonly consumerGroup?: string;
  /**
   * Number of partitions of each stream, 1 to 32. The broker stores the number of the first gateway. A gateway with a different
   * number does not start.
   * @defaultValue the stored number, else 1
   */
  readonly partitions?: number | undefined;
  /**
   * Secret that signs tokens (HS256), at least 32 bytes. For the demo, the gateway also signs with this
   * secret.
   */
  readonly jwtSecret?: string | undefined;
  /**
   * More secrets whose tokens are accepted, so that the secret can be changed without refusing any client.
   * @defaultValue none
   */
  readonly jwtSecrets?: readonly string[];
  /**
   * Address of the key server: the JSON Web Key Set (JWKS) whose keys sign tokens. If there are also secrets,
   * the algorithm of a token decides whether a secret or a key verifies the token.
   */
  readonly jwksUrl?: string | undefined;
  /**
   * Maximum age of keys that are still used while the key server is unavailable. Without such keys, clients
   * get 503.
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
  /**
   * Maximum time between the claims `iat` and `exp`. With this option, both claims are required.
   * @defaultValue none
   */
  readonly jwtMaxLifeMs?: number | undefined;
  /** Maximum length of a token in bytes. @defaultValue 32_768 */
  readonly maxTokenBytes?: number;
  /** API keys for publishing over HTTP: plain keys, which may publish everything, or keys with a name and limits. */
  readonly apiKeys?: readonly (string | ApiKey)[];
  /** Name of this gateway, in logs and in the broker. Unique among live gateways. @defaultValue host name and process ID */
  readonly instance?: string | undefined;
  /**
   * Address at which the other gateways reach this one: `http://10.0.0.7:4400`. With this option, any gateway
   * can answer any request of a client, so that server-sent events and long polling need no sticky sessions.
   * Needs Redis and `connectionKeys`. @defaultValue none
   */
  readonly instanceUrl?: string | undefined;
  /**
   * Keys of connection tokens, the same on all gateways, at least 32 bytes each. The first key signs, and all keys are accepted.
   */
  readonly connectionKeys?: readonly string[];
  /**
   * Development mode. Every room is open. If no secret, key server or API key is configured, users and
   * publishers need none. Allowed only on a loopback address. @defaultValue false
   */
  readonly isDevelopment?: boolean;
  /** Origins whose pages may connect. `*` allows all origins. @defaultValue none (in development: every loopback origin) */
  readonly allowedOrigins?: readonly string[];
  /** Maximum size of the body of `POST /v1/events`, in bytes. @defaultValue 1_048_576 */
  readonly maxBodyBytes?: number;
  /** Maximum number of events in one `POST /v1/events`. @defaultValue 500 */
  readonly maxEventsPerRequest?: number;
  /**
   * Proxies whose header `X-Forwarded-For` is believed: addresses, ranges in CIDR notation, or `loopback`, `linklocal`, `uniquelocal`.
   * `['none']` says that there is no proxy. @defaultValue none declared: limits per address are off for requests that have headers of a
   * proxy
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
   * Number of calls and other messages per second that one user may send to this gateway, over all connections. A call beyond it is
   * refused, and a connection that continues is closed. @defaultValue 100
   */
  readonly maxClientCallsPerSecond?: number;
  /**
   * Number of calls and other messages that one user may send at once after a pause. At least `2 × maxRoomsPerConnection + 100`, so
   * that a client that reconnects can rejoin all of its rooms. @defaultValue 2 × `maxRoomsPerConnection` + 1_000
   */
  readonly maxClientCallsBurst?: number;
  /**
   * Number of users for whom one address stands where nobody is signed in: the limits of an address are this many times those of a
   * user. @defaultValue 200
   */
  readonly usersPerAddress?: number;
  /** Maximum number of rooms that one connection may have joined. @defaultValue 1_000 */
  readonly maxRoomsPerConnection?: number;
  /**
   * Time from which an event's age is measured: the entry's ID or the producer's `timestamp`. The ID contains
   * the time of the broker, so that no events are lost if a producer's clock is wrong. @defaultValue 'entry'
   */
  readonly freshness?: 'entry' | 'timestamp';
  /** Deduplication interval: time for which an `event_id` is remembered. @defaultValue 300_000 */
  readonly dedupeWindowMs?: number;
  /**
   * Maximum number of remembered `event_id`s, without those of ephemeral events such as typing. If there are
   * more, the oldest are forgotten.
   * @defaultValue 500_000
   */
  readonly maxDedupeIds?: number;
  /** Maximum number of entries of each stream that are read at start, for replay and deduplication. @defaultValue 25_000 */
  readonly maxWarmUpEntries?: number;
  /** Time for which delivered events are kept in memory for returning clients. @defaultValue 300_000 */
  readonly replayWindowMs?: number;
  /**
   * Maximum memory for delivered events, in bytes. If more memory were needed, events are kept for a shorter
   * time. @defaultValue 268_435_456
   */
  readonly maxReplayBytes?: number;
  /** Maximum number of events replayed for one room. A client that missed more must reload the room. @defaultValue 1_000 */
  readonly maxReplayEventsPerRoom?: number;
  /** Maximum number of bytes replayed for one room. @defaultValue 1_048_576 */
  readonly maxReplayBytesPerRoom?: number;
  /**
   * Maximum number of bytes that may wait for one connection. Above half of this number, the connection is
   * taken out of its rooms, and receives the missed events from memory at its own pace. Above this number,
   * the connection is closed. @defaultValue 1_048_576
   */
  readonly maxOutboundBytes?: number;
  /** Maximum number of messages that may wait for one connection, with the same effects. @defaultValue 8_192 */
  readonly maxOutboundMessages?: number;
  /**
   * A connection is closed if bytes wait for it and it accepts none of them for this time. Its client may
   * reconnect. @defaultValue 10_000
   */
  readonly sendTimeoutMs?: number;
  /** The gateway pings a client to which it has sent no other message for this time. @defaultValue 15_000 */
  readonly keepAliveIntervalMs?: number;
  /**
   * If a client has sent at least one ping and is later silent for this time, the gateway closes its
   * connection. Set this to at least twice the client's own ping interval. @defaultValue 30_000
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
   * Returns the tenant of a room: 1 to 256 bytes of text without control characters, or `undefined` for a
   * room without limits. The function is called once for each room. It must be fast, and must always return
   * the same tenant for the same room. If it fails, the room counts as a room without a tenant. @defaultValue
   * none: no room has a tenant
   */
  readonly tenantOf?: TenantOf | undefined;
  /** Regular expression whose only group is the tenant in a room ID, instead of `tenantOf`. @defaultValue none */
  readonly tenantPattern?: string | undefined;
  /**
   * Maximum number of events per second that may be published over HTTP into the rooms of one tenant. Typing
   * events and receipts of the tenant's clients have a separate limit with the same rate. @defaultValue 500
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
  /** Programs that this gateway serves in addition to its own routes. @defaultValue none */
  readonly extensions?: readonly GatewayExtension[];
  /**
   * A stopping gateway tells its clients in waves to reconnect elsewhere. The waves are spread over this
   * time. A client is served until its wave.
   * @defaultValue 10_000, in development 0
   */
  readonly drainMs?: number;
  /**
   * Maximum time for the rest of a stop. After this time, components that have not closed are abandoned.
   * @defaultValue 10_000
   */
  readonly shutdownTimeoutMs?: number;
}

/** Options with every default filled in. */
export type ResolvedGatewayOptions = Readonly<
  Required<Omit<GatewayOptions<AnyCatalog>, OptionalOption>> &
    Pick<GatewayOptions, OptionalOption> & {
      readonly instance: string;
      readonly maxClientCallsBurst: number;
    }
>;

/** Options without a default, because their absence has a meaning. */
type OptionalOption =
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
  | 'typingExpiryMs';

/** The defaults of all options that have one. */
export const DEFAULTS = {
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
  pollTimeoutMs: 90_000,
  maxReceiveBytes: 32_768,
  positionIntervalMs: 20_000,
  maxClientEventsPerSecond: 20,
  maxClientEventsBurst: 60,
  maxTenantEventsPerSecond: 500,
  maxTenantEventsBurst: 1_000,
  maxConnectionsPerTenant: 10_000,
  clockSkewLimitMs: 30_000,
  minAgeMs: 30_000,
  extensions: [],
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
