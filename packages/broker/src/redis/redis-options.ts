// Options of the Redis broker.
import {
  type Clock,
  callback,
  checkOptions,
  nearestName,
  type OptionRule,
  type OptionRules,
  objectOrFunction,
  required,
  secret,
  systemClock,
  text,
} from '@millrace/internal';
import { CLOCK_RULE, invalid } from '../arguments.js';
import {
  BROKER_RULES,
  type BrokerOptions,
  defaultsFor,
  type ResolvedBrokerOptions,
  resolveBrokerOptions,
} from '../options.js';
import { type RedisTarget, resolveTarget } from './connection/redis-target.js';
import type { RedisTlsSource } from './connection/redis-tls.js';
import { KEY_PREFIX_RULE } from './key-prefix.js';

/** Options of `createRedisBroker`. @beta */
export interface RedisBrokerOptions extends BrokerOptions {
  /**
   * Address of Redis, in one of these forms:
   * - `redis://[[user][:password]@]host[:port][/database]`, or `rediss://` for TLS. One node of a Redis Cluster is enough to
   *   find the others. Several nodes, separated by commas, are tried one after the other.
   * - `redis+sentinel://[[user][:password]@]host[:port][,host[:port]…]/master[/database]`, or `rediss+sentinel://` for TLS to
   *   the Sentinels and to Redis. The hosts are Sentinels, and `master` is the name of the master in their configuration.
   *   User and password are for Redis. `?sentinel_user=…&sentinel_password=…` are for the Sentinels.
   * - `unix://[[user][:password]@]/path[?db=database]` for a Unix socket.
   */
  readonly url: string;
  /**
   * Certificates for a URL that begins with `rediss`, or what returns them for each new connection: a function, or `read` with an
   * `onError` for certificates that cannot be renewed. @defaultValue the public authorities, and no certificate of this client
   */
  readonly tls?: RedisTlsSource | undefined;
  /**
   * Begins the name of every key and stream in Redis. With `acme:`, the stream `events:chat` is `acme:events:chat`.
   * Deployments with different prefixes share a Redis without seeing each other. Give every gateway and publisher of a
   * deployment the same prefix.
   *
   * At most 100 bytes, without braces, spaces, control characters, `coalesce:` and `* ? [ ] \`. @defaultValue '', or 'millrace:' if a
   * stream has `retention: 'observe'`
   */
  readonly keyPrefix?: string;
  /**
   * Name of the connections in CLIENT LIST, followed by `-writer` or `-reader`. 1 to 64 printable ASCII characters without spaces.
   * @defaultValue 'millrace'
   */
  readonly clientName?: string;
  /** Clock for deadlines and back-off. @defaultValue systemClock */
  readonly clock?: Clock;
  /**
   * Called after data that Millrace did not write was removed from a key, with that key. What uses the key then works again.
   * @defaultValue a function that does nothing
   */
  readonly onHealed?: (key: string) => void;
}

/** The rule for the name of a connection in CLIENT LIST. */
export const CLIENT_NAME_RULE: OptionRule = {
  mustBe: '1 to 64 printable ASCII characters without spaces',
  isMet: (name) => typeof name === 'string' && /^[!-~]{1,64}$/.test(name),
};

/** Checked options: `broker` for every broker, and `redis` for the Redis broker only. */
export interface ResolvedRedisOptions {
  readonly broker: ResolvedBrokerOptions;
  readonly redis: Required<Pick<RedisBrokerOptions, 'keyPrefix' | 'clientName' | 'clock' | 'onHealed'>> & {
    readonly target: RedisTarget;
  };
}

const RULES: OptionRules<RedisBrokerOptions> = {
  ...BROKER_RULES,
  url: required(secret(text(0))),
  tls: objectOrFunction(),
  keyPrefix: KEY_PREFIX_RULE,
  clientName: CLIENT_NAME_RULE,
  clock: CLOCK_RULE,
  onHealed: callback,
};

/**
 * Fills in the defaults and checks every value.
 * @throws BrokerError `invalid_argument`. The message names the wrong option, but does not repeat the URL, because the URL may
 * contain a password.
 */
export function resolveRedisBrokerOptions(options: RedisBrokerOptions): ResolvedRedisOptions {
  const {
    url,
    tls,
    keyPrefix: givenPrefix,
    clientName = 'millrace',
    clock = systemClock,
    onHealed = () => {},
    ...rest
  } = checkOptions(options, RULES, invalid, nearestName);
  const target = resolveTarget(url, tls);
  const broker = resolveBrokerOptions(rest, givenPrefix);
  const { keyPrefix } = defaultsFor(broker.streams, givenPrefix);
  return { broker, redis: { target, keyPrefix, clientName, clock, onHealed } };
}
