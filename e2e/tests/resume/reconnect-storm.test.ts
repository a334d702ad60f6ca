// Thousands of clients return at the same moment. The gateway sends their missed events from memory, or from a few reads that
// they share.
import { once } from 'node:events';
import { connect } from 'node:net';
import { type RedisServer, startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { connectMany, type LeanClient, type LeanJoin } from '../../fixtures/clients/lean-client.js';
import { chatMessage, idsOf, lastingEvents, type SampleEvent } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { xaddAll } from '../../fixtures/redis/plain-redis.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { Resources } from '../../fixtures/systems/resources.js';

/**
 * Number of clients. Each needs one file descriptor here and one at the gateway. Use fewer clients if the limit of open files
 * is low.
 */
const clientCount = Number(process.env['STORM_CLIENTS'] ?? 5_000);
const rooms = Array.from({ length: 20 }, (_, n) => `room-${n}`);

test(`${clientCount} clients that join at the same time with a position cause no reads of Redis`, async () => {
  await using system = await startOnRedis();
  const { redis, url } = system;
  const position = await positionNow(url);
  const missed = new Map(rooms.map((room) => [room, lastingEvents(room, 12)]));
  await acceptAndSee(url, [...missed.values()].flat());
  const clients = await connectMany(url, clientCount);
  const startMs = performance.now();
  const before = await commandCalls(redis);
  const joins = await joinAll(clients, () => position);
  const calls = growth(before, await commandCalls(redis));
  const seconds = (performance.now() - startMs) / 1_000;
  for (const { room, join } of joins) {
    expect(join).toMatchObject({ recovered: true, replayed: 12 });
    expect([...join.ids].sort()).toEqual(idsOf(missed.get(room) ?? []).sort());
  }
  for (const command of ['xrange', 'mget']) expect([command, calls.get(command) ?? 0]).toEqual([command, 0]);
  // Every ten seconds, the gateway reads the stored numbers of partitions: one GET for each of the four streams.
  expect(calls.get('get') ?? 0).toBeLessThanOrEqual(4 * (1 + seconds / 10));
  // Each announcement of changed presence reads the end of its own stream: at most one per 100 ms, for all clients together.
  expect(calls.get('xrevrange') ?? 0).toBeLessThan(10 + 20 * seconds);
  // A blocking read is always in progress, and a new one starts every second. The other commands are the gateways' regular
  // searches and scripts, a few dozen per second.
  expect(calls.get('exists') ?? 0).toBeLessThan(100 + 60 * seconds);
  expect(calls.get('xread') ?? 0).toBeLessThan(10 + 5 * seconds);
  // The gateway writes twice a second who is online, at most 250 users at a time.
  expect(calls.get('evalsha') ?? 0).toBeLessThan(250 * (1 + 2 * seconds) + 100 + 60 * seconds);
  for (const client of clients) client.close();
});

test('a frozen gateway keeps 2,000 new connections in its queue', async () => {
  await using resources = new Resources();
  const gateway = resources.use(await GatewayProcess.start());
  const { port } = new URL(gateway.url);
  gateway.child.kill('SIGSTOP');
  const sockets = Array.from({ length: 2_000 }, () => connect(Number(port), '127.0.0.1'));
  resources.defer(async () => {
    for (const socket of sockets) socket.destroy();
    gateway.child.kill('SIGCONT');
  });
  // A socket without a place in the queue connects only when the gateway runs again.
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
});

test('clients with positions older than the gateway’s memory share a few reads while more events arrive', async () => {
  await using redis = await startRedis();
  // The gateway can keep about two hundred of the events below in memory.
  await using gateway = await EmbeddedGateway.start({ redisUrl: redis.url, maxReplayBytes: 150_000 });
  const { url } = gateway;
  await using witness = await EventLog.connect(url);
  for (const room of rooms) await witness.join(room);
  const sent = Array.from({ length: 800 }, (_, n) =>
    chatMessage(rooms[n % rooms.length] ?? '', `message ${n}`),
  );
  await xaddAll(redis, 'events:chat', sent);
  const positions = (await witness.received(sent.length)).map(({ position }) => position);
  const clients = await connectMany(url, 400);
  const before = await commandCalls(redis);
  const stopping = new AbortController();
  const traffic = (async () => {
    while (!stopping.signal.aborted) await xaddAll(redis, 'events:chat', [chatMessage('elsewhere', 'more')]);
  })();
  // Each client has an older position than the previous one. Therefore no client's read contains everything that a later
  // client needs.
  const joins = await joinAll(clients, (at) => positions[clients.length - 1 - at] ?? '');
  stopping.abort();
  await traffic;
  const calls = growth(before, await commandCalls(redis));
  for (const [at, { room, join }] of joins.entries()) {
    const due = sent.slice(clients.length - at).filter(({ room_id }) => room_id === room);
    expect(join).toEqual({ ...join, recovered: true, replayed: due.length, ids: idsOf(due) });
  }
  const reads = (calls.get('xrange') ?? 0) + (calls.get('xrevrange') ?? 0);
  expect(reads).toBeGreaterThan(0);
  expect(reads).toBeLessThan(clients.length / 4);
  for (const client of clients) client.close();
});

/** Joins all clients at the same time, each to the next room in turn. */
async function joinAll(
  clients: readonly LeanClient[],
  positionOf: (at: number) => string,
): Promise<readonly { readonly room: string; readonly join: LeanJoin }[]> {
  return Promise.all(
    clients.map(async (client, at) => {
      const room = rooms[at % rooms.length] ?? '';
      return { room, join: await client.join(room, positionOf(at)) };
    }),
  );
}

async function positionNow(url: string): Promise<string> {
  await using client = await EventLog.connect(url);
  return (await client.join(rooms[0] ?? '')).position;
}

/** Publishes events and waits until the gateway has sent them to a client. */
async function acceptAndSee(url: string, events: readonly SampleEvent[]): Promise<void> {
  await using witness = await EventLog.connect(url);
  for (const room of rooms) await witness.join(room);
  await acceptEvents(url, events);
  await witness.received(events.length);
}

/** Returns the number of calls of each command, including calls in scripts. */
async function commandCalls(redis: RedisServer): Promise<ReadonlyMap<string, number>> {
  const stats = await redis.cli('INFO', 'commandstats');
  return new Map(
    [...stats.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)].map(([, name = '', calls]) => [
      name,
      Number(calls),
    ]),
  );
}

function growth(
  before: ReadonlyMap<string, number>,
  after: ReadonlyMap<string, number>,
): Map<string, number> {
  return new Map([...after].map(([name, calls]) => [name, calls - (before.get(name) ?? 0)]));
}
