// The composition root. It creates every component of a gateway in the order of dependencies: broker → rooms → hub →
// delivery. The HTTP routes need the gateway's state, so `gateway.ts` creates them.
import {
  type Broker,
  type BrokerOptions,
  createMemoryBroker,
  createRedisBroker,
  isObserved,
} from '@millrace/broker';
import { RateLimit, systemClock } from '@millrace/internal';
import { createPublisher, type Publisher } from '@millrace/publisher';
import {
  type Authenticate,
  createSignalRServer,
  type MapHubOptions,
  type SignalRServer,
} from '@millrace/signalr';
import type { AskedRule } from './access/asked-rule.js';
import { type Access, composeAccess, composeUserOf } from './access/compose-access.js';
import { allowedOriginsOf } from './auth/allowed-origins.js';
import { authenticateAnybody, authenticateByToken } from './auth/authenticate.js';
import { ClientOwners } from './auth/client-owners.js';
import { Credentials } from './auth/credentials.js';
import { RemoteKeys } from './auth/remote-keys.js';
import type { TokenRules } from './auth/token-rules.js';
import { createTokenVerifier, type TokenKeys, type User } from './auth/token-verifier.js';
import {
  RedisCertificates,
  type RedisConnectionOptions,
  redisConnectionOptions,
} from './broker/redis-connection-options.js';
import { StoreWatch } from './broker/store-watch.js';
import { Delivery } from './dispatch/delivery.js';
import type { TenantLimits } from './http/tenant-limits.js';
import { createEventsHub, type EventsHub, type EventsHubDependencies } from './hub/events-hub.js';
import { SharedDirectory } from './hub/shared-directory.js';
import { ActiveTyping } from './indicators/active-typing.js';
import { TYPING } from './indicators/room-indicators.js';
import type { Collectors } from './intake/collector/collectors.js';
import { composeCollectors, composeIntake } from './intake/compose-intake.js';
import { RevocationSync } from './membership/revocation-sync.js';
import { composePresence } from './presence/compose-presence.js';
import type { Presence } from './presence/presence.js';
import { composeReads } from './reads/compose-reads.js';
import type { ReadRoutesDependencies } from './reads/read-routes.js';
import { composeConnectionRooms } from './rooms/compose-connection-rooms.js';
import type { ConnectionRoomsDependencies } from './rooms/room-connection.js';
import { Rooms } from './rooms/rooms.js';
import { type ResolvedGatewayOptions, secretsOf } from './settings/options.js';
import type { Logger } from './telemetry/logger.js';
import { createMetrics, type Metrics } from './telemetry/metrics.js';
import { createPublisherObserver, observeSignalR } from './telemetry/observers.js';
import { createTenantBudgets, type TenantBudgets } from './tenants/tenant-budgets.js';
import { composeViews } from './views/compose-views.js';

// Maximum number of negotiated connections without a transport. Each takes about 500 bytes. It is twice the share of one address.
const maxPendingConnections = 20_000;

// Maximum number of users for whom a rate is remembered. A gateway has fewer connections than this.
const maxLimitedUsers = 100_000;

/** The components of a gateway. `composeGateway` creates them without starting them. */
export interface GatewayComponents {
  /** The configured secret, or a random secret of this process if none is configured. */
  readonly credentials: Credentials;
  readonly redisCertificates: RedisCertificates;
  /** `undefined` if tokens are signed with a secret. */
  readonly remoteKeys: RemoteKeys | undefined;
  /** `undefined` if the access rule for rooms is not asked. */
  readonly askedAccess: AskedRule | undefined;
  readonly metrics: Metrics;
  readonly broker: Broker;
  readonly publisher: Publisher;
  readonly rooms: Rooms;
  /** `undefined` if presence is switched off. */
  readonly presence: Presence | undefined;
  readonly delivery: Delivery;
  /** Limits of tenants for publishing over HTTP. `undefined` if rooms have no tenants. */
  readonly tenantLimits: TenantLimits | undefined;
  /** `undefined` if the application has no pattern of streams. */
  readonly collectors: Collectors | undefined;
  readonly storeWatch: StoreWatch;
  readonly clientOwners: ClientOwners;
  /** `undefined` without an `instanceUrl`. All requests of a connection must then reach the gateway that negotiated it. */
  readonly directory: SharedDirectory | undefined;
  readonly signalR: SignalRServer;
  /** Reading a room over HTTP. */
  readonly reads: ReadRoutesDependencies;
}

/** Dependencies that all components share. */
interface SharedDependencies {
  readonly options: ResolvedGatewayOptions;
  /** The options of all connections to Redis. `undefined` with the embedded broker. */
  readonly redis: RedisConnectionOptions | undefined;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** True when users need no token. */
export function areUsersOpen(options: ResolvedGatewayOptions): boolean {
  return options.isDevelopment && secretsOf(options).length === 0 && options.jwksUrl === undefined;
}

/** Creates all components and connects them. */
export function composeGateway(options: ResolvedGatewayOptions, logger: Logger): GatewayComponents {
  const metrics = createMetrics();
  const redisCertificates = new RedisCertificates(options);
  const redis = redisConnectionOptions(options, redisCertificates.current);
  const shared: SharedDependencies = { options, redis, logger, metrics };
  const credentials = new Credentials(options);
  const broker = createBroker(shared);
  const storeWatch = new StoreWatch(broker, logger, () => systemClock.monotonicMs());
  broker.onStateChange((state) => {
    if (state === 'ready') void storeWatch.check();
  });
  const { intake, ofPublisher } = composeIntake(options);
  const publisher = createPublisher({
    broker,
    ...(ofPublisher === undefined ? {} : { intake: ofPublisher }),
    catalog: options.catalog,
    sourceInstance: options.instance,
    revocationKeepMs: options.revocationKeepMs,
    observer: createPublisherObserver(metrics, logger, broker.kind),
  });
  const directory = createDirectory(shared);
  const signalR = createSignalR(shared, directory);
  const remoteKeys = createRemoteKeys(shared);
  const tenantBudgets = createTenantBudgets(options, shared);
  const rooms = new Rooms({ ...shared, broker, intake, tenants: tenantBudgets?.tenants });
  const clientOwners = createClientOwners(shared);
  const authenticate = createAuthenticate(shared, { credentials, remoteKeys, rooms });
  const revocationSync = createRevocationSync(shared, { broker, publisher, rooms });
  const { guard, asked: askedAccess } = composeAccess({ ...shared, rooms, revocationSync });
  const presence = composePresence({ ...shared, broker, rooms, hub: () => hub });
  const connectionRooms = composeConnectionRooms({ ...shared, rooms, presence, clientOwners, tenantBudgets });
  const hubOptions = hubOptionsOf(shared, { authenticate, clientOwners });
  const eventsHub = eventsHubDependencies(shared, {
    authenticate,
    connectionRooms,
    publisher,
    rooms,
    presence,
    guard,
    tenantBudgets,
    clientOwners,
  });
  const hub: EventsHub = signalR.mapHub('/hubs/events', createEventsHub(eventsHub), hubOptions);
  const reads = composeReads(options, { hub, authenticate, rooms, guard, logger });
  const views = composeViews({
    ...shared,
    rooms,
    connectionRooms,
    hubOptions,
    signalR,
    publishing: eventsHub,
    presence: eventsHub.presence,
    guard,
  });
  const delivery = new Delivery({ ...shared, broker, rooms, hub, views, intake, revocationSync });
  return {
    credentials,
    redisCertificates,
    remoteKeys,
    askedAccess,
    metrics,
    broker,
    publisher,
    rooms,
    presence,
    delivery,
    collectors: composeCollectors({ ...shared, broker }),
    tenantLimits: tenantBudgets,
    storeWatch,
    clientOwners,
    directory,
    signalR,
    reads,
  };
}

function createRevocationSync(
  { logger }: SharedDependencies,
  { broker, publisher, rooms }: Pick<GatewayComponents, 'broker' | 'publisher' | 'rooms'>,
): RevocationSync {
  const { positions, replay, revocations } = rooms;
  return new RevocationSync({
    broker,
    revocations,
    publisher,
    brokerTimeMs: () => rooms.brokerTimeMs(),
    clock: systemClock,
    logger,
    streamsOf: (roomId) => positions.streamsOf(roomId),
    waitFor: (entries) =>
      replay.positionWaiter.waitFor(
        Array.from(entries, ([stream, cursor]) => {
          const epoch = positions.currentOf(stream)?.epoch ?? '';
          return { stream, position: { epoch, cursor } };
        }),
      ),
  });
}

function createClientOwners({ options, logger }: SharedDependencies): ClientOwners {
  const { trustedProxies, usersPerAddress } = options;
  return new ClientOwners({
    trustedProxies,
    usersPerAddress,
    onUndeclaredProxy: (address) =>
      logger.warn(
        { address },
        'requests come through a proxy that is not trusted, so that limits per address are off; name it in MILLRACE_TRUSTED_PROXIES',
      ),
  });
}

function createBroker({ options, redis, logger, metrics }: SharedDependencies): Broker {
  const { redisKeyPrefix, catalog, partitions, minAgeMs, dedupeWindowMs } = options;
  const streams = catalog.streams.map((stream) => ({
    ...stream,
    ...(partitions === undefined || isObserved(stream) ? {} : { partitions }),
  }));
  const brokerOptions: BrokerOptions = { streams, group: options.consumerGroup, minAgeMs, dedupeWindowMs };
  const broker =
    redis === undefined
      ? createMemoryBroker(brokerOptions)
      : createRedisBroker({
          ...brokerOptions,
          ...redis,
          keyPrefix: redisKeyPrefix,
          onHealed: (key) => {
            metrics.healed.inc();
            logger.warn(
              { key },
              'a key of Millrace in Redis held a value that Millrace did not write; it was deleted',
            );
          },
        });
  broker.onStateChange((state, cause) => {
    const level = state === 'unavailable' ? 'warn' : 'info';
    const reason = cause === undefined ? {} : { reason: cause.message };
    logger[level]({ broker: broker.kind, state, ...reason }, 'broker state');
  });
  return broker;
}

function createDirectory({ options, redis, logger }: SharedDependencies): SharedDirectory | undefined {
  if (redis === undefined || options.instanceUrl === undefined) return undefined;
  return new SharedDirectory(redis, { keyPrefix: options.redisKeyPrefix, logger });
}

function createSignalR(
  { options, logger, metrics }: SharedDependencies,
  directory: SharedDirectory | undefined,
) {
  const { instanceUrl: url = '', connectionKeys: signingKeys } = options;
  return createSignalRServer({
    maximumOutboundBytes: options.maxOutboundBytes,
    maximumOutboundMessages: options.maxOutboundMessages,
    sendTimeoutMs: options.sendTimeoutMs,
    keepAliveIntervalMs: options.keepAliveIntervalMs,
    clientTimeoutMs: options.clientTimeoutMs,
    handshakeTimeoutMs: options.handshakeTimeoutMs,
    pollTimeoutMs: options.pollTimeoutMs,
    maximumReceiveMessageBytes: options.maxReceiveBytes,
    maximumPendingConnections: maxPendingConnections,
    onEvent: (event) => observeSignalR(event, metrics, logger),
    ...(directory === undefined ? {} : { instances: { url, signingKeys, directory } }),
  });
}

/** Creates the dependencies of the gateway's own hub. The hubs of views share some of them. */
function eventsHubDependencies(
  shared: SharedDependencies,
  components: Pick<GatewayComponents, 'publisher' | 'rooms' | 'presence' | 'clientOwners'> & {
    readonly authenticate: Authenticate<User>;
    readonly connectionRooms: ConnectionRoomsDependencies;
    readonly tenantBudgets: TenantBudgets | undefined;
    readonly guard: Access['guard'];
  },
): EventsHubDependencies {
  const { options, metrics } = shared;
  const { maxRoomsPerConnection } = options;
  const { clientOwners } = components;
  return {
    authenticate: components.authenticate,
    wallMs: () => systemClock.wallMs(),
    publisher: components.publisher,
    presence: components.presence,
    rooms: components.connectionRooms,
    guard: components.guard,
    activeTyping: new ActiveTyping({
      expiryMs: components.rooms.indicators.find(TYPING)?.expiresAfterMs ?? 0,
      maxRoomsPerUser: maxRoomsPerConnection,
    }),
    rateLimit: new RateLimit({
      perSecond: options.maxClientEventsPerSecond,
      burst: options.maxClientEventsBurst,
      maxKeys: maxLimitedUsers,
    }),
    tenantRate: components.tenantBudgets?.clientEventRate,
    ownerKeyOf: (context) => clientOwners.of(context.request, context)?.key ?? context.connectionId,
    monotonicMs: () => systemClock.monotonicMs(),
    onRateLimited: () => metrics.dropped.inc({ reason: 'rate_limited' }),
    onTenantRateLimited: () => {
      metrics.dropped.inc({ reason: 'rate_limited' });
      metrics.tenantRefusals.inc({ reason: 'client_event_rate' });
    },
  };
}

/** Returns the options of every hub. */
function hubOptionsOf(
  { options }: SharedDependencies,
  {
    authenticate,
    clientOwners,
  }: { readonly authenticate: Authenticate<User>; readonly clientOwners: ClientOwners },
): MapHubOptions<User> {
  const origins = allowedOriginsOf(options.allowedOrigins, options.isDevelopment);
  return {
    authenticate,
    closeOnAuthenticationExpiration: options.closeOnAuthenticationExpiration,
    enableAuthenticationRefresh: true,
    clientLimits: {
      ownerOf: (request, client) => clientOwners.of(request, client),
      messagesPerSecond: options.maxClientCallsPerSecond,
      messageBurst: options.maxClientCallsBurst,
      maximumConnections: options.maxConnectionsPerUser,
      maximumPendingConnections: options.maxPendingConnectionsPerUser,
    },
    ...(origins === undefined ? {} : { allowedOrigins: origins }),
  };
}

function createRemoteKeys({ options, logger, metrics }: SharedDependencies): RemoteKeys | undefined {
  const { jwksUrl, jwksMaxStaleMs, jwksRefreshMs } = options;
  if (jwksUrl === undefined) return undefined;
  return new RemoteKeys({
    url: jwksUrl,
    refreshMs: jwksRefreshMs,
    maxStaleMs: jwksMaxStaleMs,
    monotonicMs: () => systemClock.monotonicMs(),
    onFetched: (outcome) => metrics.keyServerRequests.inc({ outcome }),
    onStateChange: (isAway, reason) => {
      if (isAway)
        logger.warn(
          { reason, jwksMaxStaleMs },
          'the key server is unavailable: the gateway continues to use the keys that it has',
        );
      else logger.info('the key server is available again');
    },
  });
}

function createAuthenticate(
  shared: SharedDependencies,
  { credentials, remoteKeys, rooms }: Pick<GatewayComponents, 'credentials' | 'remoteKeys' | 'rooms'>,
): Authenticate<User> {
  const { options, logger } = shared;
  const keys: TokenKeys = {
    remoteKeys,
    get secrets() {
      return credentials.secrets;
    },
  };
  const verifyToken = createTokenVerifier(keys, tokenRulesOf(options), composeUserOf(shared));
  const authenticateToken = authenticateByToken({ verifyToken, revocations: rooms.revocations, logger });
  return areUsersOpen(options) ? authenticateAnybody(authenticateToken) : authenticateToken;
}

function tokenRulesOf(options: ResolvedGatewayOptions): TokenRules {
  return {
    audience: options.jwtAudience,
    issuer: options.jwtIssuer,
    requiredClaims: options.jwtRequiredClaims.filter((claim) => claim !== 'none'),
    algorithms: options.jwtAlgorithms,
    types: options.jwtTypes,
    clockToleranceMs: options.jwtClockToleranceMs,
    maxLifeMs: options.jwtMaxLifeMs,
    maxBytes: options.maxTokenBytes,
  };
}
