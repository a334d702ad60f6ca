/*
 * The backplane on Redis while Redis restarts or does not answer, or while connections to it break. Lost messages are
 * counted, each instance still serves its own clients, and the backplane recovers.
 */
import { type RedisServer, startRedis, startTcpProxy, type TcpProxy } from '@millrace/testkit';
import { createClient } from '@redis/client';
import { describe, expect, test, vi } from 'vitest';
import type { HubBackplane } from '../../src/backplane.js';
import type { SignalREvent } from '../../src/index.js';
import { createRedisBackplane, type RedisSubscribingClient } from '../../src/redis.js';
import { openMember, ROW_OPTIONS, type RowMember, startServer } from '../support/backplane-row.js';

/** A server with two connections to Redis, each through a separate TCP proxy. */
interface WiredServer extends AsyncDisposable {
  readonly server: Awaited<ReturnType<typeof startServer>>;
  readonly publishing: TcpProxy;
  readonly subscribing: TcpProxy;
}

async function connectThrough({ port }: TcpProxy) {
  const client = createClient({
    url: `redis://127.0.0.1:${port}`,
    disableOfflineQueue: true,
    pingInterval: 200,
    socket: { reconnectStrategy: 50, socketTimeout: 1_000 },
  });
  return client.on('error', () => {}).connect();
}

async function startWired({ port }: RedisServer, options = {}): Promise<WiredServer> {
  const publishing = await startTcpProxy(port);
  const subscribing = await startTcpProxy(port);
  const [client, subscriber] = [await connectThrough(publishing), await connectThrough(subscribing)];
  const backplane = createRedisBackplane({ client, subscriber, commandTimeoutMs: 300 });
  const server = await startServer(backplane, { ...ROW_OPTIONS, ...options });
  return {
    server,
    publishing,
    subscribing,
    async [Symbol.asyncDispose]() {
      await server.host[Symbol.asyncDispose]();
      for (const connection of [client, subscriber]) connection.destroy();
      for (const wire of [publishing, subscribing]) await wire[Symbol.asyncDispose]();
    },
  };
}

interface Pair extends AsyncDisposable {
  readonly redis: RedisServer;
  readonly one: WiredServer;
  readonly other: WiredServer;
  readonly near: RowMember;
  readonly far: RowMember;
}

/** Starts Redis, and two servers with one client each. */
async function startPair(options = {}): Promise<Pair> {
  const redis = await startRedis();
  const one = await startWired(redis, options);
  const other = await startWired(redis, options);
  for (const { server } of [one, other]) await expect.poll(() => server.hub.backplaneState).toBe('up');
  const near = await openMember(one.server);
  const far = await openMember(other.server, 'bob', 'messagepack');
  return {
    redis,
    one,
    other,
    near,
    far,
    async [Symbol.asyncDispose]() {
      for (const resource of [near, far, one, other, redis]) await resource[Symbol.asyncDispose]();
    },
  };
}

const of = <Type extends SignalREvent['type']>(
  { server }: WiredServer,
  type: Type,
): readonly Extract<SignalREvent, { type: Type }>[] =>
  server.host.events.filter((event): event is Extract<SignalREvent, { type: Type }> => event.type === type);

/** Returns the number of lost messages that a server has reported. */
const lostTo = (wired: WiredServer): number =>
  of(wired, 'backplane_gap').reduce((sum, { lost }) => sum + lost, 0);

/**
 * Sends numbered notes to all clients until the other server's client has received one. Resolves with the number of notes
 * that were sent.
 */
async function sendUntilHeard({ one, far }: Pair): Promise<number> {
  let count = 0;
  const before = far.notes.length;
  await expect
    .poll(() => {
      one.server.hub.clients.all.send('note', `again ${count}`);
      count += 1;
      return far.notes.length;
    })
    .toBeGreaterThan(before);
  return count;
}

describe('while Redis is unavailable', () => {
  test('a server whose Redis is stopped serves its own clients, and later counts the lost messages', async () => {
    await using pair = await startPair();
    const { redis, one, other, near, far } = pair;
    one.server.hub.clients.all.send('note', 'before');
    await expect.poll(() => far.notes).toEqual(['before']);
    await redis.stop();
    for (let n = 0; n < 50; n += 1) expect(one.server.hub.clients.all.send('note', n)).toBe(1);
    await expect.poll(() => near.notes.length).toBe(51);
    for (const wired of [one, other]) {
      await wired.server.host.event('backplane_down');
      expect(wired.server.hub.backplaneState).toBe('down');
    }
    await expect(one.server.hub.groups.add(far.id, 'g')).rejects.toMatchObject({
      code: 'backplane_unavailable',
    });
    await redis.restart();
    for (const { server } of [one, other]) await expect.poll(() => server.hub.backplaneState).toBe('up');
    const sent = 1 + 50 + (await sendUntilHeard(pair));
    // Each message was either received or counted as lost, even if it was not published.
    await expect.poll(() => far.notes.length + lostTo(other)).toBe(sent);
    expect(lostTo(other)).toBeGreaterThanOrEqual(50);
    expect(of(one, 'backplane_publish_failed').length).toBeGreaterThanOrEqual(50);
    expect(await one.server.hub.groups.add(far.id, 'g')).toBe(true);
    far.answer = (question) => ({ kind: 'result', result: question });
    expect(await one.server.hub.clients.client(far.id).invoke('ask', 'back?')).toBe('back?');
  });

  test('the backplane keeps a limited number of messages while Redis does not answer, and recovers when it answers', async () => {
    // The sending server's client cannot read during the loop below, so its outbound queue must hold all messages.
    await using pair = await startPair({
      maximumBackplaneBytes: 1_000_000,
      maximumOutboundBytes: 10_000_000,
    });
    const { redis, one, other, near, far } = pair;
    redis.pause();
    const text = 'x'.repeat(10_000);
    for (let n = 0; n < 500; n += 1) expect(one.server.hub.clients.all.send('note', text)).toBe(1);
    // The encodings of one message for both protocols have about 20,000 bytes together. Therefore about fifty messages fit
    // into the limit.
    const refused = (): number =>
      of(one, 'backplane_publish_failed').filter(
        ({ error }) => 'code' in error && error.code === 'backplane_unavailable',
      ).length;
    await expect.poll(refused).toBeGreaterThan(440);
    await expect.poll(() => near.notes.length).toBe(500);
    await one.server.host.event('backplane_down');
    redis.resume();
    for (const { server } of [one, other]) await expect.poll(() => server.hub.backplaneState).toBe('up');
    const sent = 500 + (await sendUntilHeard(pair));
    await expect.poll(() => far.notes.length + lostTo(other)).toBe(sent);
  });
});

describe('an instance whose subscription is cut', () => {
  test('an instance whose subscription breaks subscribes again, and counts exactly the messages that it missed', async () => {
    await using pair = await startPair();
    const { one, other, near, far } = pair;
    one.server.hub.clients.all.send('note', 'before');
    await expect.poll(() => far.notes).toEqual(['before']);
    other.subscribing.swallow('replies');
    for (let n = 0; n < 100; n += 1) one.server.hub.clients.all.send('note', n);
    await expect.poll(() => near.notes.length).toBe(101);
    await expect.poll(() => of(one, 'backplane_publish_failed')).toEqual([]);
    await other.server.host.event('backplane_down');
    expect(one.server.hub.backplaneState).toBe('up');
    other.subscribing.restore();
    other.subscribing.cut();
    await expect.poll(() => other.server.hub.backplaneState).toBe('up');
    await expect.poll(() => lostTo(other)).toBe(100);
    one.server.hub.clients.all.send('note', 'after');
    await expect.poll(() => far.notes).toEqual(['before', 'after']);
    expect(lostTo(other)).toBe(100);
    expect(lostTo(one)).toBe(0);
  });

  test('an instance notices that no messages arrive, even though its connection to Redis looks alive', async () => {
    await using pair = await startPair();
    const { one, other, far } = pair;
    other.subscribing.swallow('replies');
    await other.server.host.event('backplane_down');
    // The Redis client closes its connection after a second of silence.
    await expect.poll(() => other.subscribing.acceptedCount).toBeGreaterThan(1);
    other.subscribing.restore();
    await expect.poll(() => other.server.hub.backplaneState).toBe('up');
    one.server.hub.clients.all.send('note', 'heard');
    await expect.poll(() => far.notes).toContain('heard');
  });
});

test('an instance whose publishing connection breaks repeatedly reaches the other instance again, and lost messages are counted', async () => {
  await using pair = await startPair();
  const { one, other, far } = pair;
  let sent = 0;
  for (let round = 0; round < 5; round += 1) {
    one.publishing.cut();
    sent += await sendUntilHeard(pair);
  }
  await expect.poll(() => far.notes.length + lostTo(other)).toBe(sent);
  expect(one.publishing.acceptedCount).toBeGreaterThan(5);
});

describe('createRedisBackplane', () => {
  const never = new Promise<never>(() => {});
  const idle: RedisSubscribingClient = { subscribe: async () => {}, unsubscribe: async () => {} };

  test('the backplane publishes nothing while an earlier command is overdue, and continues when that command has ended', async () => {
    const replies: { resolve: () => void; reject: (error: Error) => void }[] = [];
    const client = {
      publish: vi.fn(
        () =>
          new Promise<void>((resolve, reject) => {
            replies.push({ resolve, reject });
          }),
      ),
    };
    const backplane = createRedisBackplane({ client, subscriber: idle, commandTimeoutMs: 20 });
    const message = Uint8Array.of(1);
    await expect(backplane.publish('c', message)).rejects.toThrow('within 20 ms');
    for (let n = 0; n < 3; n += 1)
      await expect(backplane.publish('c', message)).rejects.toThrow('an earlier command');
    expect(client.publish).toHaveBeenCalledTimes(1);
    replies[0]?.reject(new Error('Socket closed'));
    await Promise.resolve();
    const published = backplane.publish('c', message);
    replies[1]?.resolve();
    await published;
    expect(client.publish).toHaveBeenCalledTimes(2);
  });

  test('the backplane delivers no message of a subscription that has ended or that succeeded too late', async () => {
    let deliver: (message: Buffer) => void = () => {};
    let subscribed: () => void = () => {};
    const subscriber: RedisSubscribingClient = {
      subscribe: (_channel, listener) =>
        new Promise<void>((resolve) => {
          deliver = listener;
          subscribed = resolve;
        }),
      unsubscribe: () => never,
    };
    const client = { publish: async () => 1 };
    const backplane = createRedisBackplane({ client, subscriber, commandTimeoutMs: 20 });
    const heard: Uint8Array[] = [];
    await expect(backplane.subscribe('c', (message) => heard.push(message))).rejects.toThrow('within 20 ms');
    subscribed();
    deliver(Buffer.from('late'));
    const subscribing = backplane.subscribe('c', (message) => heard.push(message));
    subscribed();
    const subscription = await subscribing;
    deliver(Buffer.from('in time'));
    await subscription.unsubscribe();
    deliver(Buffer.from('ended'));
    expect(heard.map(String)).toEqual(['in time']);
  });

  test('instances with different channel prefixes do not receive each other’s messages', async () => {
    await using redis = await startRedis();
    const clients = await Promise.all(
      Array.from({ length: 2 }, () =>
        createClient({ url: redis.url })
          .on('error', () => {})
          .connect(),
      ),
    );
    const [client, subscriber] = clients;
    if (client === undefined || subscriber === undefined) throw new Error('two clients');
    const create = (channelPrefix?: string): HubBackplane =>
      createRedisBackplane({ client, subscriber, ...(channelPrefix === undefined ? {} : { channelPrefix }) });
    const heard: string[] = [];
    await create('one:').subscribe('/hub', (message) => heard.push(`one ${String.fromCharCode(...message)}`));
    await create().subscribe('/hub', (message) => heard.push(`default ${String.fromCharCode(...message)}`));
    await create('one:').publish('/hub', Buffer.from('a'));
    await create().publish('/hub', Buffer.from('b'));
    await expect.poll(() => heard.toSorted()).toEqual(['default b', 'one a']);
    expect((await redis.cli('pubsub', 'channels')).split('\n').toSorted()).toEqual([
      'one:/hub',
      'signalr:/hub',
    ]);
    for (const connection of clients) connection.destroy();
  });

  test.each([0, -1, 1.5])('a command timeout of %d ms is refused', (commandTimeoutMs) => {
    const client = { publish: async () => 1 };
    expect(() => createRedisBackplane({ client, subscriber: idle, commandTimeoutMs })).toThrow(
      expect.objectContaining({ code: 'invalid_option' }),
    );
  });
});
