// Connects to Redis beside the broker, for data other than events. Each command goes to the server of its first key, on a
// single server or a cluster.
import {
  callback,
  checkOptions,
  nearestName,
  type OptionRules,
  objectOrFunction,
  required,
  secret,
  text,
  timerMs,
} from '@millrace/internal';
import { invalid } from '../../arguments.js';
import type { BrokerState } from '../../port/broker.js';
import { resolveTarget } from '../connection/redis-target.js';
import type { RedisTlsSource } from '../connection/redis-tls.js';
import { CLIENT_NAME_RULE } from '../redis-options.js';
import { openRouter } from './open-router.js';

/** Options of {@link connectRedis}. @beta */
export interface RedisCommandsOptions {
  /** URL of Redis, in the format of `RedisBrokerOptions.url`. */
  readonly url: string;
  /** Certificates for TLS, as in `RedisBrokerOptions.tls`. */
  readonly tls?: RedisTlsSource | undefined;
  /** Name of the connection in CLIENT LIST, followed by `-writer`. */
  readonly clientName: string;
  /** Maximum time for the first connection, in milliseconds. @defaultValue 10_000 */
  readonly connectTimeoutMs?: number;
  /** Maximum time for one command, in milliseconds. @defaultValue 2_000 */
  readonly commandTimeoutMs?: number;
  /**
   * Called after every change of the connection's state. The loss of a cluster node does not change the state, because each
   * command connects to the node of its key.
   */
  readonly onStateChange?: (state: BrokerState, cause?: Error) => void;
}

/**
 * Commands to Redis. While Redis is unreachable, they reject at once with a `BrokerError`, and the connection is retried in
 * the background.
 * @beta
 */
export interface RedisCommands {
  get(key: string): Promise<unknown>;
  /** Runs a script on the server that has its first key. */
  eval(
    script: string,
    parts: { readonly keys: readonly string[]; readonly arguments: readonly string[] },
  ): Promise<unknown>;
  /** Closes the connection. Commands that still wait for a reply reject. Idempotent. */
  close(): void;
}

const RULES: OptionRules<RedisCommandsOptions> = {
  url: required(secret(text(0))),
  tls: objectOrFunction(),
  clientName: required(CLIENT_NAME_RULE),
  connectTimeoutMs: timerMs(),
  commandTimeoutMs: timerMs(),
  onStateChange: callback,
};

/** Connects to Redis. @throws BrokerError `unavailable`, `refused` or `invalid_argument` @beta */
export async function connectRedis(options: RedisCommandsOptions): Promise<RedisCommands> {
  const { url, tls, ...connection } = checkOptions(options, RULES, invalid, nearestName);
  const router = await openRouter(resolveTarget(url, tls), connection);
  return {
    get: (key) => router.command(key, ['GET', key]),
    eval: (script, { keys, arguments: args }) =>
      router.command(keys[0] ?? '', ['EVAL', script, String(keys.length), ...keys, ...args]),
    close: () => router.close(),
  };
}
