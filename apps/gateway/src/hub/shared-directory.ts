// Stores in Redis which gateway serves which SignalR connection, so that every gateway can find the serving one.
import { connectRedis } from '@millrace/broker';
import type { ConnectionDirectory } from '@millrace/signalr';
import { createRedisDirectory, type RedisDirectory } from '@millrace/signalr/redis';
import type { Logger } from 'pino';
import type { RedisConnectionOptions } from '../broker/redis-connection-options.js';

/** A directory that is open while the gateway runs. `claim` and `find` reject while it is not open or Redis is unavailable. */
export class SharedDirectory implements ConnectionDirectory {
  readonly #redis: RedisConnectionOptions;
  readonly #keyPrefix: string;
  readonly #logger: Logger;
  #directory: RedisDirectory | undefined;
  #disconnect: () => void = () => {};

  /** `keyPrefix` begins the name of every key in Redis. */
  constructor(
    redis: RedisConnectionOptions,
    { keyPrefix, logger }: { readonly keyPrefix: string; readonly logger: Logger },
  ) {
    this.#redis = redis;
    this.#keyPrefix = keyPrefix;
    this.#logger = logger;
  }

  /** Opens the directory. Rejects when Redis cannot be reached. */
  async open(): Promise<void> {
    const client = await connectRedis({
      ...this.#redis,
      clientName: 'millrace-directory',
      onStateChange: (state, cause) => {
        if (state === 'unavailable')
          this.#logger.warn({ reason: cause?.message }, 'the directory of connections is unavailable');
        else if (state === 'ready' && this.#directory !== undefined)
          this.#logger.info('the directory of connections is available again');
      },
    });
    this.#directory = createRedisDirectory({ client, keyPrefix: `${this.#keyPrefix}signalr:connection:` });
    this.#disconnect = () => client.close();
  }

  async close(): Promise<void> {
    await this.#directory?.close();
    this.#directory = undefined;
    this.#disconnect();
  }

  async claim(connectionId: string, url: string): Promise<boolean> {
    return this.#opened().claim(connectionId, url);
  }

  async find(connectionId: string): Promise<string | undefined> {
    return this.#opened().find(connectionId);
  }

  release(connectionId: string, url: string): void {
    this.#directory?.release(connectionId, url);
  }

  #opened(): RedisDirectory {
    if (this.#directory === undefined)
      throw new Error('the directory of connections is not open: start the gateway first');
    return this.#directory;
  }
}
