// The events of a stream arrive in each room in the order of the stream, even if many producers publish at the same time.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import {
  chatMessage,
  chatMessages,
  readReceipt,
  type SampleEvent,
  typing,
} from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { eventIdsIn, xaddAll } from '../../fixtures/redis/plain-redis.js';
import { startEmbedded } from '../../fixtures/systems/embedded-gateway.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';

const eventsPerWay = [1_000, 500, 500] as const;
const listLength = 100;

test('a burst of 2,000 low-lane and high-lane events from three producers arrives in stream order', async () => {
  await using system = await startOnRedis();
  const roomId = randomUUID();
  await using first = await EventLog.inRoom(system.url, roomId);
  await using second = await EventLog.inRoom(system.url, roomId);
  const [byLibrary, byHttp, byXadd] = eventsPerWay;
  await Promise.all([
    Promise.all(lists(chatMessages(roomId, byLibrary)).map((list) => system.publisher.publishEvents(list))),
    postInTurn(system.url, lists(chatMessages(roomId, byHttp))),
    xaddAll(system.redis, 'events:chat', mixed(roomId, byXadd)),
  ]);
  await Promise.all([first.received(2_000), second.received(2_000)]);
  const order = await eventIdsIn(system.redis, 'events:chat');
  expect(order).toHaveLength(2_000);
  expect(first.ids).toEqual(order);
  expect(second.ids).toEqual(order);
});

test('the in-memory broker delivers a burst of 2,000 events of one publisher in the order of its calls', async () => {
  await using system = await startEmbedded();
  const roomId = randomUUID();
  await using client = await EventLog.inRoom(system.url, roomId);
  const events = chatMessages(roomId, 2_000);
  await Promise.all(lists(events).map((list) => system.publisher.publishEvents(list)));
  await client.received(2_000);
  expect(client.ids).toEqual(events.map((event) => event.event_id));
});

/** Returns messages, typing and receipts of many users. */
function mixed(roomId: string, count: number): SampleEvent[] {
  const make = [
    (at: number) => chatMessage(roomId, `mixed ${at}`),
    () => typing(roomId, randomUUID(), true),
    () => readReceipt(roomId, randomUUID(), [randomUUID()]),
    () => typing(roomId, randomUUID(), false),
  ];
  return Array.from(
    { length: count },
    (_, at) => make[at % make.length]?.(at) ?? chatMessage(roomId, 'never'),
  );
}

function lists(events: readonly SampleEvent[]): SampleEvent[][] {
  return Array.from({ length: Math.ceil(events.length / listLength) }, (_, at) =>
    events.slice(at * listLength, (at + 1) * listLength),
  );
}

async function postInTurn(url: string, bodies: readonly SampleEvent[][]): Promise<void> {
  for (const body of bodies) await acceptEvents(url, body);
}
