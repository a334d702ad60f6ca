// Which gateway serves which SignalR connection, shared by all gateways through Redis.
import type { ConnectionDirectory } from '@millrace/signalr';
import { createRedisDirectory, type RedisDirectory } from '@millrace/signalr/redis';
import type { Logger } from 'pino';
import { connectRedisClient } from './redis-client.js';

/** A directory that is opened with the gateway. Before and after that it rejects, as it does while Redis is away. */
export class SharedDirectory implements ConnectionDirectory {
  readonly #redisUrl: string;
  readonly #logger: Logger;
  #directory: RedisDirectory | undefined;
  #destroy: () => void = () => {};

  constructor(redisUrl: string, logger: Logger) {
    this.#redisUrl = redisUrl;
    this.#logger = logger;
  }

  /** Rejects when Redis cannot be reached. */
  async open(): Promise<void> {
    const client = await connectRedisClient(this.#redisUrl, this.#logger);
    this.#directory = createRedisDirectory({ client });
    this.#destroy = () => client.destroy();
  }

  async close(): Promise<void> {
    await this.#directory?.close();
    this.#directory = undefined;
    this.#destroy();
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
    if (this.#directory === undefined) throw new Error('the directory is not open');
    return this.#directory;
  }
}
