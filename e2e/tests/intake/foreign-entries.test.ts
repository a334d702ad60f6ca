// Entries that other programs wrote in a form of their own reach clients as events.
import { randomUUID } from 'node:crypto';
import { defineApp, entryIntakeOf } from '@millrace/gateway';
import { connectPublisher } from '@millrace/publisher';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { deskApp, deskEntries } from '../../fixtures/events/foreign-entries.js';
import { notification } from '../../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { xadd } from '../../fixtures/redis/plain-redis.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { Resources } from '../../fixtures/systems/resources.js';

const messages = defineApp({
  intake: {
    'events:notification': {
      jsonField: 'message',
      fields: {
        event_type: { from: 'Method', values: { Notify: 'notification' } },
        room_id: 'UserId',
        payload: 'Payload',
      },
      rename: { Text: 'title' },
      defaults: { type: 'info' },
      room: 'room-of:{room_id}',
    },
  },
});

const messageOf = (userId: string, payload: string): string =>
  `{"UserId":${JSON.stringify(userId)},"Method":"Notify","Payload":${payload}}`;

test('all 25 kinds of entries of a support desk reach an unmodified client, and none is a dead letter', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const gateway = resources.use(await EmbeddedGateway.start({ redisUrl: redis.url, app: deskApp }));
  const desk = deskEntries();
  const client = resources.use(await EventLog.connectAs(gateway.url, desk.userId, 'Maria'));
  const lists: unknown[] = [];
  client.connection.on('ticket_list_update', (event) => lists.push(event));
  await client.join(desk.requestId);
  await client.join(`user-tickets:${desk.userId}`);
  for (const { stream, fields } of desk.entries) await xadd(redis, stream, fields);
  const events = await client.received(23);

  const ids = new Set(client.ids);
  expect(ids.size).toBe(23);
  expect(lists).toHaveLength(2);
  expect(await readMetric(gateway.url, 'events_dropped_total', { reason: 'invalid' })).toBe(0);
  const payloads = (type: string) =>
    events.filter(({ event_type }) => event_type === type).map(({ payload }) => payload);
  expect(payloads('chat_message')).toEqual([
    expect.objectContaining({
      request_id: desk.requestId,
      sequence_number: 1,
      sender: { id: desk.userId, username: 'maria', full_name: 'Maria', email: null },
    }),
    expect.objectContaining({ created_at: '2026-01-16T10:00:00+00:00' }),
    expect.objectContaining({ sender_id: null, sender: null }),
    expect.objectContaining({ is_screenshot: true, client_temp_id: 't-1' }),
  ]);
  expect(payloads('status_change')).toEqual([
    expect.objectContaining({
      new_status: 'solved',
      changed_by: 'Omar',
      changed_at: '2026-01-16T10:00:00.123456+00:00',
    }),
    expect.objectContaining({ old_status: '', changed_by: 'omar', new_values: { status_id: 3 } }),
    expect.objectContaining({ changed_by: 'omar', request: { id: desk.requestId } }),
    expect.objectContaining({ changed_by: 'omar' }),
    expect.objectContaining({ changed_by: '', changed_at: '2026-01-16T10:00:00+00:00' }),
  ]);
  const rooms = events
    .filter(({ event_type }) => event_type === 'notification')
    .map(({ room_id }) => room_id);
  const [ofUser, ofRequest] = [`user:${desk.userId}`, desk.requestId];
  expect(rooms).toEqual([ofUser, ofRequest, ofRequest, ofUser, ofUser, ofUser]);
  expect(payloads('remote_session_start').at(-1)).toMatchObject({ agent_name: 'Omar', request_id: null });
});

test('a client resumes renamed events from beyond the replay memory, with the IDs that it has seen', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  // The memory has room for a few events only, so that a client that comes back needs the stream.
  const options = { redisUrl: redis.url, maxReplayBytes: 4_000, app: messages };
  const gateway = resources.use(await EmbeddedGateway.start(options));
  const stayed = resources.use(await EventLog.inRoom(gateway.url, 'room-of:7'));
  const left = await EventLog.connect(gateway.url);
  const { position } = await left.join('room-of:7');
  await left.connection.stop();
  for (let n = 0; n < 60; n += 1)
    await xadd(redis, 'events:notification', { message: messageOf('7', `{"Text":"${n}"}`) });
  await stayed.received(60);

  const later = resources.use(await EmbeddedGateway.start(options));
  for (const { url } of [gateway, later]) {
    const back = resources.use(await EventLog.connect(url));
    expect(await back.join('room-of:7', position)).toMatchObject({ recovered: true, replayed: 60 });
    expect(back.ids).toEqual(stayed.ids);
    expect(back.events.map(({ payload }) => payload)).toEqual(
      Array.from({ length: 60 }, (_, n) => ({ title: String(n), type: 'info' })),
    );
  }
});

test('events of Millrace’s own publishers pass a stream with a rule untouched', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const gateway = resources.use(await EmbeddedGateway.start({ redisUrl: redis.url, app: messages }));
  const client = resources.use(await EventLog.inRoom(gateway.url, 'room-of:7'));
  const posted = {
    ...notification('room-of:7', 'own'),
    payload: { Text: 'as it is', type: 'x', title: 'y' },
  };
  await acceptEvents(gateway.url, posted);
  await xadd(redis, 'events:notification', { message: messageOf('7', '{"Text":"taken in"}') });
  const [first, second] = await client.received(2);
  expect(first).toMatchObject(posted);
  expect(second?.payload).toEqual({ title: 'taken in', type: 'info' });
});

test('an entry without an ID is erased by the ID that the gateways made', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const options = { redisUrl: redis.url, maxReplayBytes: 4_000, app: messages };
  const gateway = resources.use(await EmbeddedGateway.start(options));
  const client = resources.use(await EventLog.connect(gateway.url));
  const { position } = await client.join('room-of:7');
  for (const text of ['kept', 'erased over HTTP', 'erased by a program'])
    await xadd(redis, 'events:notification', { message: messageOf('7', `{"Text":"${text}"}`) });
  const events = await client.received(3);
  const id = events[1]?.event_id ?? '';
  // A program that does not know the rules cannot know this ID.
  for (const [intake, erased] of [
    [{ streams: [] }, 0],
    [entryIntakeOf(messages), 1],
  ] as const) {
    const publisher = await connectPublisher({ redisUrl: redis.url, intake });
    expect(await publisher.erase({ eventId: events[2]?.event_id ?? '' })).toMatchObject({ erased });
    await publisher.close();
  }
  expect(await eraseOverHttp(gateway.url, `/v1/events/${id}`)).toMatchObject({ erased: 1 });
  const later = resources.use(await EmbeddedGateway.start(options));
  for (const { url } of [gateway, later]) {
    const back = resources.use(await EventLog.connect(url));
    expect(await back.join('room-of:7', position)).toMatchObject({ recovered: true });
    expect(back.events.map(({ payload }) => payload['title'])).toEqual(['kept']);
  }
  expect(await eraseOverHttp(gateway.url, '/v1/rooms/room-of%3A7/events')).toMatchObject({ erased: 1 });
});

test('entries with the same hashed ID are one event', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const app = defineApp({
    intake: {
      'events:notification': {
        eventId: 'hashed',
        fields: { event_id: 'id', event_type: { default: 'notification' } },
        flatPayload: true,
      },
    },
  });
  const gateway = resources.use(await EmbeddedGateway.start({ redisUrl: redis.url, app }));
  const roomId = randomUUID();
  const client = resources.use(await EventLog.inRoom(gateway.url, roomId));
  for (const id of ['m-1', 'm-2', 'm-1', 'm-3'])
    await xadd(redis, 'events:notification', { id, room_id: roomId, title: id });
  const events = await client.received(3);
  expect(events.map(({ payload }) => payload['title'])).toEqual(['m-1', 'm-2', 'm-3']);
  expect(await readMetric(gateway.url, 'events_dropped_total', { reason: 'duplicate' })).toBe(1);
});
