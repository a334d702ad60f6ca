/*
 * A backplane over Redis Pub/Sub. Redis stores nothing: a subscriber loses the messages that are published while its connection is
 * down.
 */
import {
  checkOptions,
  nearestName,
  type OptionRules,
  objectWith,
  required,
  text,
  timerMs,
} from '@millrace/internal';
import type { BackplaneSubscription, HubBackplane } from '../backplane/hub-backplane.js';
import { invalidOption } from '../errors.js';
import { within } from './within.js';

/**
 * The part of the publishing client that a backplane needs. The clients of `redis` and `@redis/client` have this part.
 * @beta
 */
export interface RedisPublishingClient {
  publish(channel: string, message: Buffer): Promise<unknown>;
}

type OnMessage = (message: Buffer) => void;

/**
 * The part of the subscribing client that a backplane needs. The client must restore its subscriptions after a disconnection.
 * @beta
 */
export interface RedisSubscribingClient {
  subscribe(channel: string, listener: OnMessage, bufferMode: true): Promise<unknown>;
  unsubscribe(channel: string, listener: OnMessage, bufferMode: true): Promise<unknown>;
}

/** Options of {@link createRedisBackplane}. @beta */
export interface RedisBackplaneOptions {
  /**
   * A connected client. The application closes it after it has closed the servers. The client should reject commands at once
   * while Redis is unreachable. It must have a single connection, so that messages keep their order. With a Redis Cluster,
   * connect it to any one of the nodes.
   */
  readonly client: RedisPublishingClient;
  /**
   * Another connected client. The application closes it after it has closed the servers. The client should detect a dead connection
   * by itself (`pingInterval` and `socketTimeout` of `@redis/client`).
   */
  readonly subscriber: RedisSubscribingClient;
  /**
   * The prefix of all channels. All instances of an application use the same prefix. Other applications must use a different
   * one. @defaultValue 'signalr:'
   */
  readonly channelPrefix?: string;
  /** Maximum time for a Redis command. A command that takes longer counts as failed. @defaultValue 2_000 */
  readonly commandTimeoutMs?: number;
}

const RULES: OptionRules<RedisBackplaneOptions> = {
  client: required(objectWith(['publish'])),
  subscriber: required(objectWith(['subscribe', 'unsubscribe'])),
  channelPrefix: text(0),
  commandTimeoutMs: timerMs(),
};

/**
 * Creates a backplane on two connections. The backplane does not close them.
 *
 * Nothing is published while an earlier publish command is overdue. A message behind that command would arrive late or never,
 * and would take memory until then. Therefore the client queues at most the messages of one `commandTimeoutMs`.
 * @throws SignalRError `invalid_option`
 *
 * @example
 * ```ts
 * const options = { url: 'redis://localhost:6379', disableOfflineQueue: true }; // of @redis/client
 * const client = await createClient(options).on('error', console.error).connect();
 * const subscriber = await createClient(options).on('error', console.error).connect();
 * const signalr = createSignalRServer({ backplane: createRedisBackplane({ client, subscriber }) });
 * ```
 * @beta
 */
export function createRedisBackplane(options: RedisBackplaneOptions): HubBackplane {
  const {
    client,
    subscriber,
    channelPrefix = 'signalr:',
    commandTimeoutMs = 2_000,
  } = checkOptions(options, RULES, invalidOption, nearestName);
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
      subscribe(subscriber, channelPrefix + channel, onMessage, commandTimeoutMs),
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
    // The subscription may still succeed later. Its messages are then ignored. It is not ended, because that would also end a
    // later subscription to the same channel.
    isOpen = false;
    throw error;
  }
  return {
    async unsubscribe() {
      isOpen = false;
      try {
        await within(commandTimeoutMs, subscriber.unsubscribe(channel, listener, true));
      } catch {
        // A failure is ignored: a connection that is gone has no subscriptions.
      }
    },
  };
}
