// Options of the Redis broker.
import { type Clock, systemClock } from '@millrace/internal';
import { BrokerError } from '../errors.js';
import { type BrokerOptions, type ResolvedBrokerOptions, resolveBrokerOptions } from '../options.js';
import { parseRedisUrl } from './connection/redis-url.js';

/** Options of `createRedisBroker`. */
export interface RedisBrokerOptions extends BrokerOptions {
  /**
   * `redis://[[user][:password]@]host[:port][/database]`, or `rediss://` for TLS. A node of a Redis Cluster leads to all of it;
   * several, separated by commas, are tried in turn.
   */
  readonly url: string;
  /** Name in CLIENT LIST, followed by `-writer` or `-reader`. No spaces. @defaultValue 'millrace' */
  readonly clientName?: string;
  /** Source of deadlines and back-off. @defaultValue systemClock */
  readonly clock?: Clock;
  /**
   * Something that Millrace has not written stood at this key of a coalescing window, or of their index, and was removed, so that the
   * window works again. @defaultValue nothing
   */
  readonly onHealed?: (key: string) => void;
}

/** Checked options, in two parts. */
export interface ResolvedRedisOptions {
  readonly broker: ResolvedBrokerOptions;
  readonly redis: Required<Pick<RedisBrokerOptions, 'url' | 'clientName' | 'clock' | 'onHealed'>>;
}

/**
 * Fills in the defaults, checks every value and freezes the result.
 * @throws BrokerError `invalid_argument` naming the option that is wrong. The URL is not repeated: it may hold a
 * password.
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
