// The composition root. It creates every component of a gateway, in the order of their dependencies: broker → rooms → hub →
// delivery. Only the HTTP routes are created elsewhere (`gateway.ts`), because they need the gateway's state.
import { type Broker, type BrokerOptions, createMemoryBroker, createRedisBroker } from '@millrace/broker';
import { RateLimit, systemClock } from '@millrace/internal';
import { createPublisher, type Publisher } from '@millrace/publisher';
import {
  type Authenticate,
  type BudgetOwner,
  createSignalRServer,
  type Hub,
  type SignalRServer,
} from '@millrace/signalr';
import { allowedOriginsOf } from './auth/allowed-origins.js';
import { authenticateAnybody, authenticateByToken } from './auth/authenticate.js';
import { ClientOwners } from './auth/client-owners.js';
import { Credentials } from './auth/credentials.js';
import { RemoteKeys } from './auth/remote-keys.js';
import type { TokenRules } from './auth/token-rules.js';
import { createTokenVerifier, type TokenKeys, type User } from './auth/token-verifier.js';
import { redisConnectionOptions } from './broker/redis-connection-options.js';
import { StoreWatch } from './broker/store-watch.js';
import { Delivery } from './dispatch/delivery.js';
import type { TenantLimits } from './http/tenant-limits.js';
import type { EventsClient } from './hub/events-client.js';
import { createEventsHub } from './hub/events-hub.js';
import { SharedDirectory } from './hub/shared-directory.js';
import { ActiveTyping } from './indicators/active-typing.js';
import { TYPING } from './indicators/room-indicators.js';
import type { ConnectionRoomsDependencies, RoomConnection } from './rooms/connection-rooms.js';
import { RoomCounts } from './rooms/room-counts.js';
import { Rooms } from './rooms/rooms.js';
import { type ResolvedGatewayOptions, secretsOf } from './settings/options.js';
import type { Logger } from './telemetry/logger.js';
import { createMetrics, type Metrics } from './telemetry/metrics.js';
import { createPublisherObserver, observeSignalR } from './telemetry/observers.js';
import { createTenantBudgets, type TenantBudgets } from './tenants/tenant-budgets.js';

// Maximum number of negotiated connections without a transport. Each takes about 500 bytes. It is twice the share of one address.
const maxPendingConnections = 20_000;

// Maximum number of users for whom a rate is remembered. A gateway has fewer connections than this.
const maxLimitedUsers = 100_000;

/** The components of a gateway. `composeGateway` creates them without starting them. */
export interface GatewayComponents {
  /** The configured secret. If none is configured, a random secret of this process. */
  readonly credentials: Credentials;
  /** `undefined` if tokens are signed with a secret. */
  readonly remoteKeys: RemoteKeys | undefined;
  readonly metrics: Metrics;
  readonly broker: Broker;
  readonly publisher: Publisher;
  readonly rooms: Rooms;
  readonly delivery: Delivery;
  /** Limits of tenants for publishing over HTTP. `undefined` if rooms have no tenants. */
  readonly tenantLimits: TenantLimits | undefined;
  readonly storeWatch: StoreWatch;
  readonly clientOwners: ClientOwners;
  /**
   * `undefined` without an `instanceUrl`. In that case, all requests of a connection must reach the gateway
   * that negotiated the connection.
   */
  readonly directory: SharedDirectory | undefined;
  readonly signalR: SignalRServer;
}

/** Dependencies that all components share. */
interface SharedDependencies {
  readonly options: ResolvedGatewayOptions;
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
  const shared: SharedDependencies = { options, logger, metrics };
  const credentials = new Credentials(options);
  const broker = createBroker(shared);
  const storeWatch = new StoreWatch(broker, logger, () => systemClock.monotonicMs());
  broker.onStateChange((state) => {
    if (state === 'ready') void storeWatch.check();
  });
  const publisher = createPublisher({
    broker,
    catalog: options.catalog,
    sourceInstance: options.instance,
    observer: createPublisherObserver(metrics, broker.kind),
  });
  const directory = createDirectory(shared);
  const signalR = createSignalR(shared, directory);
  const remoteKeys = createRemoteKeys(shared);
  const tenantBudgets = createTenantBudgets(options, shared);
  const rooms = new Rooms({ ...shared, broker, tenants: tenantBudgets?.tenants });
  const clientOwners = createClientOwners(shared);
  const hub = mapHub(shared, {
    credentials,
    remoteKeys,
    publisher,
    rooms,
    signalR,
    tenantBudgets,
    clientOwners,
  });
  const delivery = new Delivery({ ...shared, broker, rooms, hub });
  return {
    credentials,
    remoteKeys,
    metrics,
    broker,
    publisher,
    rooms,
    delivery,
    tenantLimits: tenantBudgets,
    storeWatch,
    clientOwners,
    directory,
    signalR,
  };
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

function createBroker({ options, logger, metrics }: SharedDependencies): Broker {
  const { redisKeyPrefix, catalog, partitions, minAgeMs, dedupeWindowMs } = options;
  const streams = catalog.streams.map((stream) => ({
    ...stream,
    ...(partitions === undefined ? {} : { partitions }),
  }));
  const brokerOptions: BrokerOptions = { streams, group: options.consumerGroup, minAgeMs, dedupeWindowMs };
  const redis = redisConnectionOptions(options);
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
              'the key of a coalescing window held a value that Millrace did not write; it was deleted',
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

function createDirectory({ options, logger }: SharedDependencies): SharedDirectory | undefined {
  const redis = redisConnectionOptions(options);
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

function mapHub(
  shared: SharedDependencies,
  components: Pick<
    GatewayComponents,
    'credentials' | 'remoteKeys' | 'publisher' | 'rooms' | 'signalR' | 'clientOwners'
  > & {
    readonly tenantBudgets: TenantBudgets | undefined;
  },
): Hub<EventsClient> {
  const { options, metrics } = shared;
  const { isDevelopment, allowedOrigins, maxRoomsPerConnection } = options;
  const { clientOwners } = components;
  const definition = createEventsHub({
    publisher: components.publisher,
    rooms: connectionRoomsDependencies(shared, components),
    areRoomsOpen: isDevelopment,
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
  });
  const origins = allowedOriginsOf(allowedOrigins, isDevelopment);
  return components.signalR.mapHub('/hubs/events', definition, {
    authenticate: createAuthenticate(shared, components),
    clientLimits: {
      ownerOf: (request, client) => clientOwners.of(request, client),
      messagesPerSecond: options.maxClientCallsPerSecond,
      messageBurst: options.maxClientCallsBurst,
      maximumConnections: options.maxConnectionsPerUser,
      maximumPendingConnections: options.maxPendingConnectionsPerUser,
    },
    ...(origins === undefined ? {} : { allowedOrigins: origins }),
  });
}

function connectionRoomsDependencies(
  { options, metrics }: SharedDependencies,
  {
    rooms,
    clientOwners,
    tenantBudgets,
  }: Pick<GatewayComponents, 'rooms' | 'clientOwners'> & {
    readonly tenantBudgets: TenantBudgets | undefined;
  },
): ConnectionRoomsDependencies {
  const { positions, replay } = rooms;
  const roomCounts = new RoomCounts(options.maxRoomsPerUser);
  const ownerOf = (connection: RoomConnection): BudgetOwner =>
    clientOwners.of(connection.request, connection) ?? { key: connection.connectionId };
  return {
    currentPosition: (roomId) => positions.ofRoom(roomId),
    catchUp: (target, after) => replay.catchUp(target, after),
    deliveryPoint: (roomId) => replay.deliveryPoint(roomId),
    catchUpFromMemory: (target, since) => replay.catchUpFromMemory(target, since),
    indicators: rooms.indicators,
    laggingConnections: rooms.laggingConnections,
    lossNotices: rooms.lossNotices,
    replayAttempts: rooms.replayAttempts,
    monotonicMs: () => systemClock.monotonicMs(),
    positionOfEveryRoom: () => positions.ofEveryRoom(),
    maxRoomsPerConnection: options.maxRoomsPerConnection,
    tenantConnections: tenantBudgets?.connections,
    userRooms: {
      tryAdd: (connection) => {
        const isAdded = roomCounts.tryAdd(ownerOf(connection));
        if (!isAdded) metrics.callsRefused.inc({ reason: 'too_many_rooms' });
        return isAdded;
      },
      remove: (connection, count) => roomCounts.remove(ownerOf(connection), count),
    },
    onSlowClientEnded: (outcome) => metrics.slowClients.inc({ outcome }),
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
  { options, logger }: SharedDependencies,
  { credentials, remoteKeys }: Pick<GatewayComponents, 'credentials' | 'remoteKeys'>,
): Authenticate<User> {
  const keys: TokenKeys = {
    remoteKeys,
    get secrets() {
      return credentials.secrets;
    },
  };
  const authenticateToken = authenticateByToken(createTokenVerifier(keys, tokenRulesOf(options)), logger);
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
