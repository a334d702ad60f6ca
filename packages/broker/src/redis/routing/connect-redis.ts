// A connection to Redis beside the broker's, for data that is no event: a few commands, each for one key, to one server or a cluster.
import { systemClock } from '@millrace/internal';
import type { BrokerState } from '../../port/broker.js';
import { DetectingRouter } from './detecting-router.js';

/** Options of {@link connectRedis}. */
export interface RedisCommandsOptions {
  /** As `RedisBrokerOptions.url`. */
  readonly url: string;
  /** Name in CLIENT LIST, followed by `-writer`. */
  readonly clientName: string;
  /** Deadline of the first connection. @defaultValue 10_000 */
  readonly connectTimeoutMs?: number;
  /** Deadline of one command. @defaultValue 2_000 */
  readonly commandTimeoutMs?: number;
  /**
   * The connection calls this after every change of its state. On a cluster the state stays `ready`: each command connects to the node of
   * its key.
   */
  readonly onStateChange?: (state: BrokerState, cause?: Error) => void;
}

/** Commands. They reject with a `BrokerError` at once while Redis is away; meanwhile the connection is made again. */
export interface RedisCommands {
  get(key: string): Promise<unknown>;
  /** Runs a script on the server that has its first key. */
  eval(
    script: string,
    parts: { readonly keys: readonly string[]; readonly arguments: readonly string[] },
  ): Promise<unknown>;
  /** Commands without a reply reject. Idempotent. */
  close(): void;
}

/** Connects. @throws BrokerError `unavailable`, `refused` or `invalid_argument` */
export async function connectRedis(options: RedisCommandsOptions): Promise<RedisCommands> {
  const { clientName, connectTimeoutMs = 10_000, commandTimeoutMs = 2_000, onStateChange } = options;
  const router = new DetectingRouter(options.url, {
    clientName,
    connectTimeoutMs,
    commandTimeoutMs,
    clock: systemClock,
    // It reads no streams.
    settlementOf: () => undefined,
    onStateChange: onStateChange ?? (() => {}),
  });
  try {
    await router.open();
  } catch (error) {
    router.close();
    throw error;
  }
  return {
    get: (key) => router.command(key, ['GET', key]),
    eval: (script, { keys, arguments: args }) =>
      router.command(keys[0] ?? '', ['EVAL', script, String(keys.length), ...keys, ...args]),
    close: () => router.close(),
  };
}
