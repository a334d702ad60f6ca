/*
 * A backplane over Redis Pub/Sub, which stores nothing: what a subscriber misses while its connection is down is lost to it.
 */
import type { BackplaneSubscription, HubBackplane } from '../backplane/hub-backplane.js';
import { SignalRError } from '../errors.js';
import { within } from './within.js';

/** What a backplane needs of the client that publishes; those of `redis` and `@redis/client` have it. */
export interface RedisPublishingClient {
  publish(channel: string, message: Buffer): Promise<unknown>;
}

type OnMessage = (message: Buffer) => void;

/** What a backplane needs of the client that subscribes, which subscribes again by itself after it was disconnected. */
export interface RedisSubscribingClient {
  subscribe(channel: string, listener: OnMessage, bufferMode: true): Promise<unknown>;
  unsubscribe(channel: string, listener: OnMessage, bufferMode: true): Promise<unknown>;
}

/** Options of {@link createRedisBackplane}. */
export interface RedisBackplaneOptions {
  /**
   * Connected, and closed by its owner after the servers. Should reject at once while Redis is away. One connection, so that the
   * order holds: of a Redis Cluster, to any one of its nodes.
   */
  readonly client: RedisPublishingClient;
  /**
   * Another connection, closed by its owner after the servers. Should notice by itself when nothing comes any more
   * (`pingInterval` and `socketTimeout` of `@redis/client`).
   */
  readonly subscriber: RedisSubscribingClient;
  /** What all channels begin with: the same on all instances, another one for another application. @defaultValue 'signalr:' */
  readonly channelPrefix?: string;
  /** After this a command counts as failed. @defaultValue 2_000 */
  readonly commandTimeoutMs?: number;
}

/**
 * A backplane on two connections that it does not close. While one command is overdue no message is published: what waits behind
 * it would come late or never, and would be kept until then. So what may wait in the client is bounded by what is published
 * within `commandTimeoutMs`.
 * @throws SignalRError `invalid_option`
 *
 * @example
 * ```ts
 * const options = { url: 'redis://localhost:6379', disableOfflineQueue: true }; // of @redis/client
 * const client = await createClient(options).on('error', console.error).connect();
 * const subscriber = await createClient(options).on('error', console.error).connect();
 * const signalr = createSignalRServer({ backplane: createRedisBackplane({ client, subscriber }) });
 * ```
 */
export function createRedisBackplane(options: RedisBackplaneOptions): HubBackplane {
  const { client, channelPrefix = 'signalr:', commandTimeoutMs = 2_000 } = options;
  if (!Number.isSafeInteger(commandTimeoutMs) || commandTimeoutMs < 1) {
    throw new SignalRError('invalid_option', 'commandTimeoutMs is a whole number of milliseconds above 0.');
  }
  let overdueCount = 0;
  const publish = async (channel: string, message: Buffer): Promise<void> => {
    if (overdueCount > 0) throw new Error('Redis has not answered an earlier command yet');
    let isOverdue = false;
    const reply = client.publish(channel, message).finally(() => {
      if (isOverdue) overdueCount -= 1;
    });
    await within(commandTimeoutMs, reply, () => {
      isOverdue = true;
      overdueCount += 1;
    });
  };
  return {
    subscribe: (channel, onMessage) =>
      subscribe(options.subscriber, channelPrefix + channel, onMessage, commandTimeoutMs),
    publish: (channel, message) =>
      publish(channelPrefix + channel, Buffer.from(message.buffer, message.byteOffset, message.byteLength)),
  };
}

async function subscribe(
  subscriber: RedisSubscribingClient,
  channel: string,
  onMessage: OnMessage,
  commandTimeoutMs: number,
): Promise<BackplaneSubscription> {
  let isOpen = true;
  const listener: OnMessage = (message) => {
    if (isOpen) onMessage(message);
  };
  try {
    await within(commandTimeoutMs, subscriber.subscribe(channel, listener, true));
  } catch (error) {
    // Should it succeed late, nobody listens. It is left as it is: to end it would end a later one of the same channel as well.
    isOpen = false;
    throw error;
  }
  return {
    async unsubscribe() {
      isOpen = false;
      try {
        await within(commandTimeoutMs, subscriber.unsubscribe(channel, listener, true));
      } catch {
        // A connection that is gone takes its subscriptions with it.
      }
    },
  };
}
