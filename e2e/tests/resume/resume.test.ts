// A client that reconnects with its last position gets the events that it missed, in order and before any new event, or is told to
// reload.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { positionBeforeLeaving } from '../../fixtures/clients/leaving-client.js';
import {
  chatMessage,
  chatMessages,
  fullEvents,
  idsOf,
  minimalEvents,
  notification,
  readReceipt,
  type SampleEvent,
  typing,
} from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { everyBroker } from '../../fixtures/systems/every-broker.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

describe.each(everyBroker)('%s', (_, start) => {
  const system = sharedSystem(start);

  test('a join with a position replays missed events in order before its answer, and new events follow', async () => {
    const { url } = system();
    const roomId = randomUUID();
    const position = await positionBeforeLeaving(url, roomId);
    const missed = chatMessages(roomId, 50);
    await acceptAndSee(url, roomId, missed);
    await acceptEvents(url, chatMessages('another-room', 20));
    await using client = await EventLog.connect(url);
    const answer = await client.join(roomId, position);
    expect(answer).toMatchObject({ recovered: true, replayed: 50 });
    expect(client.ids).toEqual(idsOf(missed));
    const next = chatMessage(roomId, 'next');
    await acceptEvents(url, next);
    expect(await client.idsUpTo(next.event_id)).toEqual([...idsOf(missed), next.event_id]);
    for (const [at, event] of missed.entries()) expect(client.events[at]).toMatchObject(event);
  });

  test('events of all types except typing are replayed unchanged, but only each user’s latest receipt', async () => {
    const { url } = system();
    const roomId = randomUUID();
    const position = await positionBeforeLeaving(url, roomId);
    await using witness = await EventLog.inRoom(url, roomId);
    const first = minimalEvents(roomId);
    await acceptEvents(url, first);
    await witness.received(9);
    const reader = String(first.find((event) => event.event_type === 'read_receipt')?.payload['user_id']);
    const later = [...fullEvents(roomId), readReceipt(roomId, reader, [randomUUID()])];
    await acceptEvents(url, later);
    await witness.received(19);
    await using client = await EventLog.connect(url);
    const answer = await client.join(roomId, position);
    const isReplayed = (event: SampleEvent): boolean => !event.event_type.startsWith('typing');
    const expected = [
      ...first.filter((event) => isReplayed(event) && event.event_type !== 'read_receipt'),
      ...later.filter(isReplayed),
    ];
    expect(answer).toMatchObject({ recovered: true, replayed: expected.length });
    expect([...client.ids].sort()).toEqual(idsOf(expected).sort());
    for (const event of client.events) {
      const { position: _position, ...sent } = event;
      expect(witness.events).toContainEqual(expect.objectContaining({ ...sent }));
    }
  });

  test('a client that missed nothing is recovered without a replayed event', async () => {
    const { url } = system();
    const roomId = randomUUID();
    const position = await positionBeforeLeaving(url, roomId);
    await using client = await EventLog.connect(url);
    expect(await client.join(roomId, position)).toMatchObject({ recovered: true, replayed: 0 });
    expect(client.ids).toEqual([]);
  });

  test('a join in the middle of a burst of events leaves no gap and keeps the order', async () => {
    const { url } = system();
    const roomId = randomUUID();
    const position = await positionBeforeLeaving(url, roomId);
    await using witness = await EventLog.inRoom(url, roomId);
    const burst = publishOneByOne(url, roomId);
    await witness.received(200);
    await using client = await EventLog.connect(url);
    const answer = await client.join(roomId, position);
    await burst;
    const last = chatMessage(roomId, 'last');
    await acceptEvents(url, last);
    const all = await witness.idsUpTo(last.event_id);
    const ids = await client.idsUpTo(last.event_id);
    expect(answer.recovered).toBe(true);
    expect(answer.replayed).toBeGreaterThanOrEqual(200);
    expect([...new Set(ids)]).toEqual(all);
  });

  test('a client with more missed events than a replay may contain gets `recovered: false`, then new events', async () => {
    const { url } = system();
    const roomId = randomUUID();
    const position = await positionBeforeLeaving(url, roomId);
    for (let part = 0; part < 3; part += 1) await acceptAndSee(url, roomId, chatMessages(roomId, 400));
    await using client = await EventLog.connect(url);
    expect(await client.join(roomId, position)).toMatchObject({ recovered: false });
    const next = chatMessage(roomId, 'next');
    await acceptEvents(url, next);
    await client.event((event) => event.event_id === next.event_id);
  });

  test('a join with a position from a later build is not recovered, but the client gets new events', async () => {
    const { url } = system();
    const roomId = randomUUID();
    await using client = await EventLog.connect(url);
    for (const position of ['v2~0~later.form-1', 'v17~x'])
      expect(await client.join(roomId, position)).toMatchObject({ recovered: false, replayed: 0 });
    const next = chatMessage(roomId, 'next');
    await acceptEvents(url, next);
    await client.event((event) => event.event_id === next.event_id);
  });

  test('a join of user:me with a position resumes the personal room', async () => {
    const { url } = system();
    const ana = randomUUID();
    const position = await positionBeforeLeaving(url, `user:${ana}`);
    const missed = notification(`user:${ana}`, 'missed');
    await acceptAndSee(url, `user:${ana}`, [missed]);
    await using client = await EventLog.connectAs(url, ana, 'Ana');
    expect(await client.join('user:me', position)).toMatchObject({
      roomId: `user:${ana}`,
      recovered: true,
      replayed: 1,
    });
    expect(client.ids).toEqual([missed.event_id]);
  });

  test('the answer to a join lists the other typing users, but not the client’s own user', async () => {
    const { url } = system();
    const roomId = randomUUID();
    const [ana, bob] = [randomUUID(), randomUUID()];
    await using witness = await EventLog.inRoom(url, roomId);
    await acceptEvents(url, [typing(roomId, ana, true), typing(roomId, bob, true)]);
    await witness.received(2);
    await using client = await EventLog.connectAs(url, ana, 'Ana');
    const { typing: users } = await client.join(roomId);
    expect(users.map((user) => user.user_id)).toEqual([bob]);
  });
});

test('a restarted gateway replays events from before its start, and from the time without a gateway', async () => {
  await using system = await startOnRedis();
  const roomId = randomUUID();
  const { redis, gateway: first } = system;
  const position = await positionBeforeLeaving(first.url, roomId);
  const missed = chatMessages(roomId, 3);
  await acceptEvents(first.url, missed);
  expect(await first.stop()).toBe(0);
  const byHand = chatMessage(roomId, 'while none ran');
  await xaddEvent(redis, byHand);
  const second = await system.startGateway();
  await using client = await EventLog.connect(second.url);
  // Events that the gateway has not read when the client joins arrive later, as new events.
  expect(await client.join(roomId, position)).toMatchObject({ recovered: true });
  expect(await client.idsUpTo(byHand.event_id)).toEqual([...idsOf(missed), byHand.event_id]);
});

test('a client whose missed events were removed from the stream gets `recovered: false`', async () => {
  await using system = await startOnRedis();
  const roomId = randomUUID();
  const { redis, gateway: first } = system;
  const position = await positionBeforeLeaving(first.url, roomId);
  await acceptEvents(first.url, chatMessages(roomId, 5));
  expect(await first.stop()).toBe(0);
  await redis.cli('XTRIM', 'events:chat', 'MAXLEN', '2');
  const second = await system.startGateway();
  await using client = await EventLog.connect(second.url);
  expect(await client.join(roomId, position)).toMatchObject({ recovered: false });
});

/**
 * Publishes eight lists of 100 events. The next list follows when the gateway has accepted the last one: an overloaded gateway refuses
 * all requests of a turn but the first.
 */
async function publishOneByOne(url: string, roomId: string): Promise<void> {
  for (let list = 0; list < 8; list += 1) await acceptEvents(url, chatMessages(roomId, 100));
}

/** Publishes events and waits until the gateway has sent them to a client, so that a replay can contain all of them. */
async function acceptAndSee(url: string, roomId: string, events: readonly SampleEvent[]): Promise<void> {
  await using witness = await EventLog.inRoom(url, roomId);
  await acceptEvents(url, events);
  await witness.received(events.length);
}
