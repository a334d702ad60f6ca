// Clients stop reading while much data is sent to their room. The kernel buffers some megabytes for each of them. Further
// data must wait in the gateway.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { typing } from '../fixtures/events/sample-events.js';
import { readMetric } from '../fixtures/http/metrics.js';
import { startOnRedis } from '../fixtures/systems/redis-system.js';
import { sharedSystem } from '../fixtures/systems/shared-system.js';
import { eventually } from '../fixtures/waiting/eventually.js';
import { type Judgement, judge } from './support/oracle.js';
import { RoomClient } from './support/room-client.js';
import { publishSteadily } from './support/steady-publisher.js';

const system = sharedSystem(() => startOnRedis());

const contentLength = 40_000;
const perfect = { lost: 0, excused: 0, wronglyRecovered: 0, handledTwice: 0, outOfOrder: 0, unknown: 0 };

interface Crowd extends AsyncDisposable {
  readonly readers: readonly RoomClient[];
  readonly slow: readonly RoomClient[];
}

async function enter(room: string): Promise<Crowd> {
  const clients = Array.from(
    { length: 6 },
    (_, index) => new RoomClient(`client ${index}`, room, () => system().url),
  );
  await eventually(() => expect(clients.every(({ isJoined }) => isJoined)).toBe(true));
  return {
    readers: clients.slice(0, 4),
    slow: clients.slice(4),
    async [Symbol.asyncDispose]() {
      for (const client of clients) client.close();
    },
  };
}

const slowClients = (outcome: string) => readMetric(system().url, 'slow_clients_total', { outcome });
const closed = (reason: string) => readMetric(system().url, 'signalr_server_disconnects_total', { reason });

/** Waits until these clients have every due event, and returns the judgement. */
async function settle(
  confirmed: Parameters<typeof judge>[0],
  clients: readonly RoomClient[],
): Promise<Judgement> {
  await eventually(() => expect(judge(confirmed, clients).lost).toBe(0));
  return judge(confirmed, clients);
}

/**
 * Some clients stop reading. The room is then sent more than the kernel buffers for them. Expects that the other clients
 * receive all events.
 */
async function overrun(crowd: Crowd, room: string, events: number): Promise<Parameters<typeof judge>[0]> {
  for (const client of crowd.slow) client.stopReading();
  const load = { events, eventsPerSecond: 200, rooms: [room], contentLength };
  const { confirmed } = await publishSteadily(system().publisher, load);
  expect(await settle(confirmed, crowd.readers)).toMatchObject({ ...perfect, repeated: 0 });
  return confirmed;
}

test('a client that pauses its reading receives every event in order over the same connection', async () => {
  await using crowd = await enter('patience');
  const confirmed = await overrun(crowd, 'patience', 400);
  const before = await slowClients('caught_up');
  for (const client of crowd.slow) client.resumeReading();
  expect(await settle(confirmed, crowd.slow)).toMatchObject({ ...perfect, repeated: 0 });
  expect(crowd.slow.every(({ isJoined, replayedCount }) => isJoined && replayedCount === 0)).toBe(true);
  await eventually(async () => expect(await slowClients('caught_up')).toBe(before + crowd.slow.length));
  expect([await closed('slow_consumer'), await closed('send_timeout')]).toEqual([0, 0]);
});

test('a client that stops reading for too long is disconnected, and misses no event after it reconnects', async () => {
  await using crowd = await enter('end');
  const confirmed = await overrun(crowd, 'end', 400);
  await eventually(async () => expect(await closed('send_timeout')).toBe(crowd.slow.length));
  for (const client of crowd.slow) client.resumeReading();
  const judgement = await settle(confirmed, crowd.slow);
  expect(judgement).toMatchObject({ ...perfect, excused: judgement.excused });
  expect(judgement.handled + judgement.excused).toBe(judgement.due);
});

test('a lagging client gets no typing events, and knows the typing users after it has caught up', async () => {
  await using crowd = await enter('typing');
  const confirmed = await overrun(crowd, 'typing', 200);
  const users = ['3f2504e0-4f89-41d3-9a0c-0305e82c3301', '3f2504e0-4f89-41d3-9a0c-0305e82c3302'];
  const dropped = () => readMetric(system().url, 'events_dropped_total', { reason: 'lagging_client' });
  const before = await dropped();
  for (let round = 0; round < 3; round += 1) {
    await system().publisher.publishEvents(users.map((user) => typing('typing', user, round !== 1)));
    // The pause is longer than a coalescing window, so that each event becomes an entry of its own.
    await pause(150);
  }
  await eventually(async () => expect(await dropped()).toBe(before + 3 * users.length * crowd.slow.length));
  for (const client of crowd.slow) client.resumeReading();
  await settle(confirmed, crowd.slow);
  for (const client of crowd.slow) await eventually(() => expect(client.typingUsers).toEqual(new Set(users)));
});
