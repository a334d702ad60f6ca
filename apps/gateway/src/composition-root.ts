// The composition root, in the order in which the parts need each other: broker → rooms → hub → delivery. Every part of a gateway is created here and nowhere else, but
// for the HTTP routes, which need its state; read it from top to bottom.

import { randomBytes } from 'node:crypto';
import { type Broker, type BrokerOptions, createMemoryBroker, createRedisBroker } from '@millrace/broker';
import { systemClock } from '@millrace/internal';
import { createPublisher, type Publisher } from '@millrace/publisher';
import { type Authenticate, createSignalRServer, type Hub, type SignalRServer } from '@millrace/signalr';
import { allowedOriginsOf } from './auth/allowed-origins.js';
import { authenticateAnybody, authenticateByToken } from './auth/authenticate.js';
import { RemoteKeys } from './auth/remote-keys.js';
import { createTokenVerifier, type User } from './auth/token-verifier.js';
import { EvictionWatch } from './broker/eviction-watch.js';
import { Delivery } from './dispatch/delivery.js';
import type { EventsClient } from './hub/events-client.js';
import { createEventsHub } from './hub/events-hub.js';
import { RateLimit } from './hub/rate-limit.js';
import { SharedDirectory } from './hub/shared-directory.js';
import { Typists } from './indicators/active-typing.js';
import { TYPING } from './indicators/room-indicators.js';
import type { RoomPorts } from './rooms/connection-rooms.js';
import { Rooms } from './rooms/rooms.js';
import type { ResolvedGatewayOptions } from './settings/options.js';
import type { Logger } from './telemetry/logger.js';
import { createMetrics, type Metrics } from './telemetry/metrics.js';
import { createPublisherObserver, observeSignalR } from './telemetry/observers.js';

// Users whose rate is watched at a time: more than a gateway has connections.
const maxLimitedUsers = 100_000;

/** The parts of a gateway; nothing runs yet. */
export interface GatewayParts {
  /** The configured secret; in development mode without one, a random one that only this process knows. */
  readonly jwtSecret: string;
  /** Absent where tokens are signed with a secret. */
  readonly remoteKeys: RemoteKeys | undefined;
  readonly metrics: Metrics;
  readonly broker: Broker;
  readonly publisher: Publisher;
  readonly rooms: Rooms;
  readonly delivery: Delivery;
  readonly evictionWatch: EvictionWatch;
  /** Absent where clients always come back to the gateway they negotiated with. */
  readonly directory: SharedDirectory | undefined;
  readonly signalR: SignalRServer;
}

/** What the parts share while they are made. */
interface Site {
  readonly options: ResolvedGatewayOptions;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** Whether users need no token. */
export function areUsersOpen({ isDevelopment, jwtSecret, jwksUrl }: ResolvedGatewayOptions): boolean {
  return isDevelopment && jwtSecret === undefined && jwksUrl === undefined;
}

/** Creates all parts and puts them together. */
export function createGatewayParts(options: ResolvedGatewayOptions, logger: Logger): GatewayParts {
  const metrics = createMetrics();
  const site: Site = { options, logger, metrics };
  const jwtSecret = options.jwtSecret ?? randomBytes(32).toString('hex');
  const broker = createBroker(site);
  const evictionWatch = new EvictionWatch(broker, logger, () => systemClock.monotonicMs());
  broker.onStateChange((state) => {
    if (state === 'ready') void evictionWatch.look();
  });
  const publisher = createPublisher({
    broker,
    catalog: options.catalog,
    sourceInstance: options.instance,
    observer: createPublisherObserver(metrics, broker.kind),
  });
  const directory = createDirectory(site);
  const signalR = createSignalR(site, directory);
  const remoteKeys = createRemoteKeys(site);
  const rooms = new Rooms({ ...site, broker });
  const hub = mapHub(site, { jwtSecret, remoteKeys, publisher, rooms, signalR });
  const delivery = new Delivery({ ...site, broker, rooms, hub });
  const access = { jwtSecret, remoteKeys };
  return { ...access, metrics, broker, publisher, rooms, delivery, evictionWatch, directory, signalR };
}

function createBroker({ options, logger, metrics }: Site): Broker {
  const { redisUrl, catalog, partitions, minAgeMs, dedupeWindowMs } = options;
  const streams = catalog.streams.map((stream) => ({
    ...stream,
    ...(partitions === undefined ? {} : { partitions }),
  }));
  const brokerOptions: BrokerOptions = { streams, minAgeMs, dedupeWindowMs };
  const broker =
    redisUrl === undefined
      ? createMemoryBroker(brokerOptions)
      : createRedisBroker({
          ...brokerOptions,
          url: redisUrl,
          onHealed: (key) => {
            metrics.healed.inc();
            logger.warn({ key }, 'something else stood at a coalescing window; it was removed');
          },
        });
  broker.onStateChange((state, cause) => {
    const level = state === 'unavailable' ? 'warn' : 'info';
    const reason = cause === undefined ? {} : { reason: cause.message };
    logger[level]({ broker: broker.kind, state, ...reason }, 'broker state');
  });
  return broker;
}

function createDirectory({ options, logger }: Site): SharedDirectory | undefined {
  const { redisUrl, instanceUrl } = options;
  if (redisUrl === undefined || instanceUrl === undefined) return undefined;
  return new SharedDirectory(redisUrl, logger);
}

function createSignalR({ options, logger, metrics }: Site, directory: SharedDirectory | undefined) {
  const { instanceUrl: url = '', connectionKeys: signingKeys } = options;
  return createSignalRServer({
    maximumOutboundBytes: options.maxOutboundBytes,
    maximumOutboundMessages: options.maxOutboundMessages,
    sendTimeoutMs: options.sendTimeoutMs,
    onEvent: (event) => observeSignalR(event, metrics, logger),
    ...(directory === undefined ? {} : { instances: { url, signingKeys, directory } }),
  });
}

function mapHub(
  site: Site,
  parts: Pick<GatewayParts, 'jwtSecret' | 'remoteKeys' | 'publisher' | 'rooms' | 'signalR'>,
): Hub<EventsClient> {
  const { options, metrics } = site;
  const { isDevelopment, allowedOrigins, maxRoomsPerConnection } = options;
  const definition = createEventsHub({
    publisher: parts.publisher,
    rooms: roomPorts(site, parts.rooms),
    areRoomsOpen: isDevelopment,
    typists: new Typists({
      expiryMs: parts.rooms.indicators.find(TYPING)?.expiresAfterMs ?? 0,
      maxRoomsPerUser: maxRoomsPerConnection,
    }),
    rateLimit: new RateLimit({
      perSecond: options.maxClientEventsPerSecond,
      burst: options.maxClientEventsBurst,
      maxUsers: maxLimitedUsers,
    }),
    monotonicMs: () => systemClock.monotonicMs(),
    rateLimited: () => metrics.dropped.inc({ reason: 'rate_limited' }),
  });
  const origins = allowedOriginsOf(allowedOrigins, isDevelopment);
  return parts.signalR.mapHub('/hubs/events', definition, {
    authenticate: createAuthenticate(site, parts.jwtSecret, parts.remoteKeys),
    ...(origins === undefined ? {} : { allowedOrigins: origins }),
  });
}

function roomPorts({ options, metrics }: Site, rooms: Rooms): RoomPorts {
  const { positions, replay, indicators, laggards, losses, rounds } = rooms;
  return {
    currentPosition: (roomId) => positions.ofRoom(roomId),
    catchUp: (target, after) => replay.catchUp(target, after),
    mark: (roomId) => replay.mark(roomId),
    followUp: (target, mark) => replay.followUp(target, mark),
    indicators,
    laggards,
    losses,
    rounds,
    monotonicMs: () => systemClock.monotonicMs(),
    positionOfEveryRoom: () => positions.ofEveryRoom(),
    maxRoomsPerConnection: options.maxRoomsPerConnection,
    slowClientEnded: (outcome) => metrics.slowClients.inc({ outcome }),
  };
}

function createRemoteKeys({ options, logger, metrics }: Site): RemoteKeys | undefined {
  const { jwksUrl, jwksMaxStaleMs, jwksRefreshMs } = options;
  if (jwksUrl === undefined) return undefined;
  return new RemoteKeys({
    url: jwksUrl,
    refreshMs: jwksRefreshMs,
    maxStaleMs: jwksMaxStaleMs,
    monotonicMs: () => systemClock.monotonicMs(),
    onAsked: (outcome) => metrics.keyServerRequests.inc({ outcome }),
    onStateChange: (isAway, reason) => {
      if (isAway)
        logger.warn({ reason, jwksMaxStaleMs }, 'key server is away: the keys known so far are used on');
      else logger.info('key server is back');
    },
  });
}

function createAuthenticate(
  { options, logger }: Site,
  jwtSecret: string,
  remoteKeys: RemoteKeys | undefined,
): Authenticate<User> {
  const keys = remoteKeys === undefined ? { jwtSecret } : { remoteKeys };
  const authenticateToken = authenticateByToken(createTokenVerifier(keys), logger);
  return areUsersOpen(options) ? authenticateAnybody(authenticateToken) : authenticateToken;
}
