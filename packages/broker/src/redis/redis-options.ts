// Options of the Redis broker.
import { type Clock, systemClock } from '@millrace/internal';
import { BrokerError } from '../errors.js';
import { type BrokerOptions, type ResolvedBrokerOptions, resolveBrokerOptions } from '../options.js';
import { parseRedisUrl } from './connection/redis-url.js';

/** Options of `createRedisBroker`. */
export interface RedisBrokerOptions extends BrokerOptions {
  /**
   * `redis://[[user][:password]@]host[:port][/database]`, or `rediss://` for TLS. For a Redis Cluster, one
   * node is enough to find all others. If the URL names several nodes, separated by commas, they are tried
   * one after the other.
   */
  readonly url: string;
  /**
   * Name of the connections in CLIENT LIST, followed by `-writer` or `-reader`. 1 to 64 printable ASCII characters without spaces.
   * @defaultValue 'millrace'
   */
  readonly clientName?: string;
  /** Clock for deadlines and back-off. @defaultValue systemClock */
  readonly clock?: Clock;
  /**
   * Called with the key of a coalescing window, or of the windows' index, after data that Millrace did not
   * write was removed from this key. After that, the window works again.
   * @defaultValue a function that does nothing
   */
  readonly onHealed?: (key: string) => void;
}

/** Checked options: `broker` has the options of every broker, and `redis` has the options of only the Redis broker. */
export interface ResolvedRedisOptions {
  readonly broker: ResolvedBrokerOptions;
  readonly redis: Required<Pick<RedisBrokerOptions, 'url' | 'clientName' | 'clock' | 'onHealed'>>;
}

/**
 * Fills in the defaults and checks every value.
 * @throws BrokerError `invalid_argument`. The message names the wrong option, but does not repeat the URL, because the URL may
 * contain a password.
 */
export function resolveRedisBrokerOptions(options: RedisBrokerOptions): ResolvedRedisOptions {
  const { url, clientName = 'millrace', clock = systemClock, onHealed = () => {}, ...rest } = options;
  parseRedisUrl(url);
  if (!/^[!-~]{1,64}$/.test(clientName)) {
    throw new BrokerError(
      'invalid_argument',
      'clientName must be 1 to 64 printable ASCII characters without spaces',
    );
  }
  return { broker: resolveBrokerOptions(rest), redis: { url, clientName, clock, onHealed } };
}
