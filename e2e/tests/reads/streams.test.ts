// Reads a room as server-sent events. Events, order, positions and notices are those that SignalR clients receive.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { eventsUrl, StreamReader } from '../../fixtures/clients/stream-reader.js';
import {
  chatMessages,
  fullEvents,
  idsOf,
  lastingEvents,
  notification,
  typing,
} from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { readPage, readPosition } from '../../fixtures/http/room-reads.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { everyBroker } from '../../fixtures/systems/every-broker.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

describe.each(everyBroker)('%s', (_, start) => {
  const system = sharedSystem(start);

  test('a stream delivers every event type as SignalR does, in the same order, with the position as ID', async () => {
    const { url, publisher } = system();
    const roomId = randomUUID();
    await using witness = await EventLog.inRoom(url, roomId);
    await using reader = await StreamReader.open(url, roomId);
    expect(await reader.joined()).toMatchObject({
      room_id: roomId,
      recovered: false,
      replayed: 0,
      typing: [],
    });
    expect(reader.retryMs).toBeGreaterThanOrEqual(500);
    for (const event of fullEvents(roomId)) await publisher.publishEvents([event]);
    await acceptEvents(url, lastingEvents(roomId, 16));
    await acceptEvents(url, notification('elsewhere', 'not for this room'));
    const last = notification(roomId, 'last');
    await acceptEvents(url, last);
    await Promise.all([reader.idsUpTo(last.event_id), witness.idsUpTo(last.event_id)]);
    expect(reader.events).toEqual(witness.events);
    const messages = reader.messages.filter(({ event }) => event !== 'position');
    expect(messages.map(({ event, id }) => [event, id])).toEqual(
      witness.events.map(({ event_type, position }) => [event_type, position]),
    );
  });

  test('a stream resumes after `Last-Event-ID`, which wins over `after`, with the missed events first', async () => {
    const { url, publisher } = system();
    const roomId = randomUUID();
    const start = await readPosition(url, roomId);
    const sent = chatMessages(roomId, 30);
    {
      await using before = await StreamReader.open(url, roomId);
      await before.joined();
      await publisher.publishEvents(sent.slice(0, 10));
      await before.idsUpTo(sent[9]?.event_id ?? '');
      await publisher.publishEvents(sent.slice(10, 20));
      await before.idsUpTo(sent[19]?.event_id ?? '');
      const tenth = before.messages.find(({ data }) => data.includes(sent[9]?.event_id ?? ''))?.id ?? '';
      await using after = await StreamReader.open(url, roomId, {
        query: `?after=${start}`,
        headers: { 'last-event-id': tenth },
      });
      expect(await after.joined()).toMatchObject({ recovered: true, replayed: 10 });
      await publisher.publishEvents(sent.slice(20));
      await after.idsUpTo(sent[29]?.event_id ?? '');
      expect(after.ids).toEqual(idsOf(sent.slice(10)));
    }
    await using all = await StreamReader.open(url, roomId, { query: `?after=${start}` });
    expect(await all.joined()).toMatchObject({ recovered: true, replayed: 30 });
    expect(all.ids).toEqual(idsOf(sent));
  });

  test('a stream with a position that is too old is sent a resync, a new position, and every new event', async () => {
    const { url } = system();
    const roomId = randomUUID();
    await using reader = await StreamReader.open(url, roomId, { query: '?after=v2~later' });
    expect(await reader.joined()).toMatchObject({ recovered: false });
    expect(reader.messages.map(({ event, id }) => [event, id === undefined])).toEqual([
      ['resync', true],
      ['position', false],
    ]);
    expect(JSON.parse(reader.messages[0]?.data ?? '')).toEqual({ room_id: roomId, reason: 'missed' });
    const event = notification(roomId, 'new');
    await acceptEvents(url, event);
    expect(await reader.idsUpTo(event.event_id)).toEqual([event.event_id]);
  });

  test('a stream lists who is typing, delivers typing events and keeps a payload on one line', async () => {
    const { url } = system();
    const roomId = randomUUID();
    const [ana, ben] = [randomUUID(), randomUUID()];
    await using witness = await EventLog.inRoom(url, roomId);
    await acceptEvents(url, typing(roomId, ana, true));
    await witness.received(1);
    await using reader = await StreamReader.open(url, roomId);
    expect((await reader.joined()).typing).toMatchObject([{ user_id: ana }]);
    await acceptEvents(url, typing(roomId, ben, true));
    const start = await reader.message(({ event }) => event === 'typing_start');
    expect(start.data).toContain(ben);
    const payload = '{\n  "type": "info",\r\n  "title": "two\\nlines", "cents": 9007199254740993\n}';
    await acceptEvents(url, `{"event_type":"notification","room_id":"${roomId}","payload":${payload}}`);
    const { data } = await reader.message(({ event }) => event === 'notification');
    expect(data).toContain(`"payload":${payload.replaceAll(/[\r\n]/g, ' ')}`);
  });
});

test('a quiet stream is sent comments and positions that lose nothing', async () => {
  await using gateway = await EmbeddedGateway.start({ keepAliveIntervalMs: 100, positionIntervalMs: 50 });
  const { url } = gateway;
  await using reader = await StreamReader.open(url, 'quiet');
  expect(await reader.comment()).toBe('');
  const { position } = await reader.joined();
  await acceptEvents(url, lastingEvents('busy', 8));
  const moved = await reader.message(({ event, id }) => event === 'position' && id !== position);
  expect(JSON.parse(moved.data)).toEqual({ position: moved.id });
  const event = notification('quiet', 'after the silence');
  await acceptEvents(url, event);
  await reader.idsUpTo(event.event_id);
  expect(idsOf((await readPage(url, 'quiet', `?after=${moved.id}`)).events)).toEqual([event.event_id]);
});

test('a stream and a poll are told to load the room when Redis loses its data, and receive later events', async () => {
  await using system = await startOnRedis({ mayLogErrors: true });
  const { url, redis } = system;
  await using reader = await StreamReader.open(url, 'room');
  const { position } = await reader.joined();
  const poll = readPage(url, 'room', `?after=${position}&wait=60`);
  await redis.cli('FLUSHALL');
  const resync = await reader.message(({ event }) => event === 'resync');
  expect(JSON.parse(resync.data)).toEqual({ room_id: 'room', reason: 'reset' });
  const page = await poll;
  expect(page).toMatchObject({ events: [], recovered: false });
  const event = notification('room', 'after the loss');
  await acceptEvents(url, event);
  await reader.idsUpTo(event.event_id);
  expect(idsOf((await readPage(url, 'room', `?after=${page.next}&wait=60`)).events)).toEqual([
    event.event_id,
  ]);
  expect(await readPage(url, 'room', `?after=${position}`)).toMatchObject({ recovered: false });
});

test('a HEAD request opens no stream', async () => {
  await using gateway = await EmbeddedGateway.start();
  const headers = { accept: 'text/event-stream' };
  const response = await fetch(eventsUrl(gateway.url, 'room'), { method: 'HEAD', headers });
  expect(response.status).toBe(200);
  expect(await readMetric(gateway.url, 'signalr_server_active_connections')).toBe(0);
});
