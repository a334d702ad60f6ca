// Creates a publisher from the address of Redis, in one call.
import { createRedisBroker, type RedisTlsSource } from '@millrace/broker';
import { type AnyCatalog, eventCatalog } from '@millrace/contract';
import {
  checkOptions,
  nearestName,
  type OptionRules,
  objectOrFunction,
  required,
  secret,
  text,
} from '@millrace/internal';
import { invalidOption } from './errors.js';
import { CATALOG_RULE, COMMON_RULES, type PublisherOptions } from './options.js';
import { createPublisher, type Publisher } from './publisher.js';

/** Options of {@link connectPublisher}. @public */
export interface ConnectPublisherOptions<C extends AnyCatalog = typeof eventCatalog>
  extends Omit<PublisherOptions<C>, 'broker' | 'catalog'> {
  /**
   * Address of Redis: `redis://…`, `rediss://…`, `redis+sentinel://…` or `unix://…`. See
   * `RedisBrokerOptions.url`.
   */
  readonly redisUrl: string;
  /**
   * Certificates for a URL that begins with `rediss`, as PEM texts, or a function that returns them for each new connection.
   * @defaultValue the public authorities, and no certificate of this client
   */
  readonly redisTls?: RedisTlsSource;
  /**
   * Begins the name of every key and stream in Redis: the prefix of the gateways; see `RedisBrokerOptions.keyPrefix`.
   * @defaultValue '', or 'millrace:' if a stream of the catalog has `retention: 'observe'`
   */
  readonly redisKeyPrefix?: string;
  /** @defaultValue the nine built-in event types */
  readonly catalog?: C;
}

/** A publisher that owns its connection to Redis. @public */
export interface ConnectedPublisher<C extends AnyCatalog>
  extends Pick<
    Publisher<C>,
    'publish' | 'publishMany' | 'publishEvents' | 'erase' | 'flush' | 'removeMember' | 'addMember' | 'signOut'
  > {
  /** Refuses new events, flushes the waiting events, and closes the connection. Idempotent. */
  close(): Promise<void>;
}

const RULES: OptionRules<ConnectPublisherOptions<AnyCatalog>> = {
  ...COMMON_RULES,
  // The URL may contain a password.
  redisUrl: required(secret(text())),
  redisTls: objectOrFunction(),
  // The broker checks the prefix by its own rule.
  redisKeyPrefix: text(0),
  catalog: CATALOG_RULE,
};

/**
 * Connects to Redis and creates a publisher.
 *
 * @throws PublisherError `invalid_option`, BrokerError `invalid_argument` if the URL or the key prefix is wrong
 * @throws BrokerError `unavailable` or `refused` if Redis cannot be used. The message tells why and what to do.
 *
 * @example
 * ```ts
 * const publisher = await connectPublisher({ redisUrl: 'redis://localhost:6379' });
 * await publisher.publish('notification', 'order-42', { type: 'info', title: 'Maria is on it' });
 * await publisher.close();
 * ```
 * @public
 */
export async function connectPublisher<C extends AnyCatalog = typeof eventCatalog>(
  options: ConnectPublisherOptions<C>,
): Promise<ConnectedPublisher<C>> {
  const { redisUrl, redisTls, redisKeyPrefix, ...rest } = checkOptions(
    options,
    RULES,
    invalidOption,
    nearestName,
  );
  // If no catalog is given, C is its default: the type of the built-in catalog.
  const catalog = rest.catalog ?? (eventCatalog as unknown as C);
  const broker = createRedisBroker({
    url: redisUrl,
    tls: redisTls,
    ...(redisKeyPrefix === undefined ? {} : { keyPrefix: redisKeyPrefix }),
    streams: catalog.streams,
  });
  await broker.open();
  const publisher = createPublisher<C>({ ...rest, broker, catalog });
  return {
    publish: publisher.publish.bind(publisher),
    publishMany: publisher.publishMany.bind(publisher),
    publishEvents: publisher.publishEvents.bind(publisher),
    erase: publisher.erase.bind(publisher),
    flush: publisher.flush.bind(publisher),
    removeMember: publisher.removeMember.bind(publisher),
    addMember: publisher.addMember.bind(publisher),
    signOut: publisher.signOut.bind(publisher),
    async close() {
      await publisher.close();
      await broker.close();
    },
  };
}
