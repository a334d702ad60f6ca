// Two deployments with different key prefixes on one Redis. Every key and channel begins with a prefix, and neither
// deployment receives anything from the other.
import { randomUUID } from 'node:crypto';
import { HttpTransportType } from '@microsoft/signalr';
import { connectPublisher } from '@millrace/publisher';
import { createRedisBackplane } from '@millrace/signalr/redis';
import { freePort, type RedisServer, startRedis, startRedisCluster } from '@millrace/testkit';
import { createClient } from '@redis/client';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, readReceipt, sampleEvent, typing } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { CliProcess } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { assertAllAcknowledged, xadd, xaddAll, xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { recordCommands } from '../../fixtures/redis/redis-monitor.js';
import { withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const prefixes = ['acme:', 'other/'];
/** Both deployments use the same room, user and instance names. */
const roomId = 'room';
const userId = '3f2504e0-4f89-41d3-9a0c-0305e82c3301';

/** Starts a deployment's gateway with this number. It shares connections with the other gateways of the deployment. */
async function startGateway(redis: RedisServer, prefix: string, number: number): Promise<GatewayProcess> {
  const port = String(await freePort());
  return GatewayProcess.start({
    MILLRACE_REDIS_URL: redis.url,
    MILLRACE_REDIS_KEY_PREFIX: prefix,
    MILLRACE_INSTANCE: `gateway-${number}`,
    MILLRACE_PORT: port,
    MILLRACE_INSTANCE_URL: `http://127.0.0.1:${port}`,
    MILLRACE_CONNECTION_KEYS: 'k'.repeat(32),
    MILLRACE_MIN_AGE_MS: '0',
  });
}

/** Uses everything of a deployment that writes to Redis. Returns the client that received the events, and its last position. */
async function useDeployment(resources: Resources, redis: RedisServer, prefix: string) {
  const first = resources.use(await startGateway(redis, prefix, 1));
  const second = resources.use(await startGateway(redis, prefix, 2));
  const connected = await connectPublisher({ redisUrl: redis.url, redisKeyPrefix: prefix });
  resources.defer(() => connected.close());
  const publisher = withoutTypes(connected);
  // Server-sent events need the directory of connections.
  const client = resources.use(
    await EventLog.inRoom(first.url, roomId, { transport: HttpTransportType.ServerSentEvents }),
  );

  await acceptEvents(first.url, chatMessage(roomId, `${prefix} by HTTP`));
  await publisher.publishEvents([typing(roomId, userId, true), readReceipt(roomId, userId, [randomUUID()])]);
  await client.event(({ event_type }) => event_type === 'typing_start');
  await client.event(({ event_type }) => event_type === 'read_receipt');
  const message = chatMessage(roomId, `${prefix} by the library`, { sender_id: userId });
  for (let repeat = 0; repeat < 2; repeat++) await publisher.publishEvents([message]);
  await xaddEvent(redis, chatMessage(roomId, `${prefix} by XADD`), { stream: `${prefix}events:chat` });
  await client.event(({ payload }) => payload['content'] === `${prefix} by XADD`);

  await xadd(redis, `${prefix}events:notification`, { nonsense: prefix });
  await eventually(async () =>
    expect(await deadLetters(redis, prefix, 'list', '--json')).toMatch(/"stream":"events:notification"/),
  );
  expect(await deadLetters(redis, prefix, 'replay', '--all')).toMatch(/^replayed {2}events:notification/m);
  await eventually(async () =>
    expect(await deadLetters(redis, prefix, 'drop', '--all')).toMatch(/^dropped {2}events:notification/m),
  );

  // More entries than this stream keeps, so that it is trimmed.
  const sessions = Array.from({ length: 1_300 }, () =>
    sampleEvent('elsewhere', 'remote_session_start', { session_id: randomUUID() }),
  );
  await xaddAll(redis, `${prefix}events:remote`, sessions);
  await eventually(async () =>
    expect(Number(await redis.cli('XLEN', `${prefix}events:remote`))).toBeLessThan(1_200),
  );
  for (const stream of ['chat', 'notification', 'remote'])
    await eventually(() => assertAllAcknowledged(redis, `${prefix}events:${stream}`));
  const position = client.events.at(-1)?.position ?? '';
  await client.connection.stop();
  const missed = chatMessage(roomId, `${prefix} missed`);
  // The witness shows that the second gateway has read the event, too. Otherwise the event may follow the join as a new one.
  const witness = resources.use(await EventLog.inRoom(second.url, roomId));
  await acceptEvents(first.url, missed);
  await witness.received(1);
  const returned = resources.use(await EventLog.connect(second.url));
  expect(await returned.join(roomId, position)).toMatchObject({ recovered: true, replayed: 1 });
  expect(await returned.idsUpTo(missed.event_id)).toEqual([missed.event_id]);
  return { client, returned, position, second };
}

async function deadLetters(redis: RedisServer, prefix: string, ...args: readonly string[]): Promise<string> {
  await using program = CliProcess.millrace(['dead-letters', ...args], {
    MILLRACE_REDIS_URL: redis.url,
    MILLRACE_REDIS_KEY_PREFIX: prefix,
  });
  await program.exit();
  return program.output;
}

/** Sends a message over a backplane with this prefix. Returns all messages that the backplane received. */
async function useBackplane(resources: Resources, redis: RedisServer, prefix: string): Promise<string[]> {
  const connect = async () => {
    const client = await createClient({ url: redis.url }).connect();
    resources.defer(async () => client.destroy());
    return client;
  };
  const backplane = createRedisBackplane({
    client: await connect(),
    subscriber: await connect(),
    channelPrefix: `${prefix}signalr:`,
  });
  const heard: string[] = [];
  await backplane.subscribe('/hub', (message) => heard.push(Buffer.from(message).toString()));
  await backplane.publish('/hub', Buffer.from(prefix));
  await eventually(() => expect(heard).not.toEqual([]));
  return heard;
}

test('two deployments with different prefixes share a Redis, and neither receives from the other', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const recording = resources.use(await recordCommands(redis));
  const deployments = await Promise.all(
    prefixes.map(async (prefix) => ({ prefix, ...(await useDeployment(resources, redis, prefix)) })),
  );
  const heard = await Promise.all(prefixes.map((prefix) => useBackplane(resources, redis, prefix)));

  const isForeign = (name: string): boolean => !prefixes.some((prefix) => name.startsWith(prefix));
  const accessed = [...(await recording.keys())];
  expect(accessed.filter(isForeign)).toEqual([]);
  for (const prefix of prefixes) {
    const kinds = accessed.filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
    for (const kind of expectedKinds(prefix)) expect(kinds).toContainEqual(expect.stringMatching(kind));
  }
  expect((await redis.cli('KEYS', '*')).split('\n').filter(isForeign)).toEqual([]);
  const channels = (await redis.cli('PUBSUB', 'CHANNELS')).split('\n');
  expect(channels.toSorted()).toEqual(prefixes.map((prefix) => `${prefix}signalr:/hub`).toSorted());
  expect(heard).toEqual(prefixes.map((prefix) => [prefix]));
  for (const { prefix, client, returned, second } of deployments) {
    const contents = [...client.events, ...returned.events].flatMap(({ payload: { content } }) =>
      typeof content === 'string' ? [content] : [],
    );
    expect(contents.toSorted()).toEqual(
      ['by HTTP', 'by XADD', 'by the library', 'missed'].map((text) => `${prefix} ${text}`),
    );
    expect(await readMetric(second.url, 'event_expired_entries')).toBe(0);
  }
  // A deployment does not accept a position of the other deployment.
  const [one, other] = deployments;
  if (one === undefined || other === undefined) throw new Error('two deployments');
  await using visitor = await EventLog.connect(one.second.url);
  expect(await visitor.join(roomId, other.position)).toMatchObject({ recovered: false });
}, 180_000);

/** Kinds of keys that a deployment accesses in this test. */
function expectedKinds(prefix: string): RegExp[] {
  const inBraces = (stream: string): string => `\\{${prefix}events:${stream}\\}`;
  return [
    /^events:chat$/,
    /^coalesce:room:typing$/,
    /^coalesce:room:read_receipt$/,
    /^coalesce-due:typing$/,
    /^slots:\{signalr-consumers\}$/,
    /^types:\{signalr-consumers\}$/,
    /^layout:\{signalr-consumers\}$/,
    /^signalr:connection:/,
    ...['cursors', 'lease', 'epoch', 'dead', 'expired', 'partitions'].map(
      (kind) => new RegExp(`^${kind}:${inBraces('notification')}$`),
    ),
    new RegExp(`^dedupe:${inBraces('chat')}:`),
    new RegExp(`^deadmark:${inBraces('notification')}:`),
  ];
}

test('a deployment with a prefix delivers every event on a cluster with partitions', async () => {
  await using resources = new Resources();
  const cluster = resources.use(await startRedisCluster());
  const prefix = 'acme:';
  const environment = { MILLRACE_REDIS_URL: cluster.url, MILLRACE_REDIS_KEY_PREFIX: prefix };
  const gateway = resources.use(await GatewayProcess.start({ ...environment, MILLRACE_PARTITIONS: '3' }));
  const connected = await connectPublisher({ redisUrl: cluster.url, redisKeyPrefix: prefix });
  resources.defer(() => connected.close());
  const rooms = Array.from({ length: 12 }, (_, n) => `room-${n}`);
  const client = resources.use(await EventLog.connect(gateway.url));
  for (const room of rooms) await client.join(room);
  const messages = rooms.flatMap((room) => [chatMessage(room, 'one'), chatMessage(room, 'two')]);
  await withoutTypes(connected).publishEvents([
    ...rooms.map((room) => typing(room, userId, true)),
    ...messages,
  ]);
  await client.received(messages.length + rooms.length);
  const ids = new Set(client.ids);
  expect(messages.filter(({ event_id }) => !ids.has(event_id))).toEqual([]);
  for (const index of [0, 1, 2]) {
    const stream = `${prefix}events:chat.p${index}`;
    await eventually(async () => {
      expect(Number(await cluster.cli(stream, 'xlen', stream))).toBeGreaterThan(0);
      expect(await cluster.cli(stream, 'xpending', stream, 'signalr-consumers')).toMatch(/^0/);
    });
  }
  const keys = await Promise.all(cluster.nodes.map((node) => node.cli('KEYS', '*')));
  for (const key of keys.join('\n').split('\n')) expect(key).toMatch(/^(?:acme:|$)/);
}, 180_000);
