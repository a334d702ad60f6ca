/*
 * A backplane over Redis Pub/Sub, which stores nothing: a subscriber loses the messages that are published while its connection is down.
 */
import type { BackplaneSubscription, HubBackplane } from '../backplane/hub-backplane.js';
import { SignalRError } from '../errors.js';
import { within } from './within.js';

/** The part of the publishing client that a backplane needs; the clients of `redis` and `@redis/client` fit. */
export interface RedisPublishingClient {
  publish(channel: string, message: Buffer): Promise<unknown>;
}

type OnMessage = (message: Buffer) => void;

/** The part of the subscribing client that a backplane needs. The client must restore its subscriptions after a disconnection. */
export interface RedisSubscribingClient {
  subscribe(channel: string, listener: OnMessage, bufferMode: true): Promise<unknown>;
  unsubscribe(channel: string, listener: OnMessage, bufferMode: true): Promise<unknown>;
}

/** Options of {@link createRedisBackplane}. */
export interface RedisBackplaneOptions {
  /**
   * A connected client; its owner closes it after the servers. It should reject commands at once while Redis is unreachable. It must be
   * a single connection, so that the order holds: for a Redis Cluster, to any one of its nodes.
   */
  readonly client: RedisPublishingClient;
  /**
   * Another connected client; its owner closes it after the servers. It should detect a dead connection itself
   * (`pingInterval` and `socketTimeout` of `@redis/client`).
   */
  readonly subscriber: RedisSubscribingClient;
  /** The prefix of all channels: the same on all instances, a different one for each application. @defaultValue 'signalr:' */
  readonly channelPrefix?: string;
  /** A command that takes longer counts as failed. @defaultValue 2_000 */
  readonly commandTimeoutMs?: number;
}

/**
 * A backplane on two connections that it does not close. While one command is overdue no message is published: messages queued behind
 * it would arrive late or never, and would use memory until then. So the client queues at most the messages of one `commandTimeoutMs`.
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
    throw new SignalRError(
      'invalid_option',
      'The option commandTimeoutMs must be a whole number of milliseconds above 0.',
    );
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
    // If it succeeds late, its messages are ignored. It is not ended, because that would end a later one of the same channel as well.
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
