// Reads a room page by page over HTTP. Events and order are those that SignalR clients receive.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { eventsUrl, StreamReader } from '../../fixtures/clients/stream-reader.js';
import {
  chatMessages,
  idsOf,
  idsOfStream,
  lastingEvents,
  notification,
  streamNames,
  typing,
} from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { read, readAllPages, readPage, readPosition } from '../../fixtures/http/room-reads.js';
import { everyBroker } from '../../fixtures/systems/every-broker.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

describe.each(everyBroker)('%s', (_, start) => {
  const system = sharedSystem(start);

  test('pages contain every event of the room once, in the order that other clients receive', async () => {
    const { url } = system();
    const roomId = randomUUID();
    await using witness = await EventLog.inRoom(url, roomId);
    const after = await readPosition(url, roomId);
    await acceptEvents(url, lastingEvents(roomId, 24));
    await acceptEvents(url, lastingEvents('elsewhere', 20));
    await acceptEvents(url, lastingEvents(roomId, 9));
    const sent = await witness.received(33);
    const pages = await readAllPages(url, roomId, after, 7);
    expect(pages.map(({ events }) => events.length)).toEqual([7, 7, 7, 7, 5]);
    expect(pages.every(({ recovered, room_id }) => recovered && room_id === roomId)).toBe(true);
    const events = pages.flatMap((page) => page.events);
    for (const stream of streamNames) expect(idsOfStream(events, stream)).toEqual(idsOfStream(sent, stream));
    expect([...events].sort(byId)).toEqual([...sent].sort(byId));
    // The next page begins where a page ends. A reader may also continue at the position of any event on the page.
    const last = pages.at(-1);
    expect(await readPage(url, roomId, `?after=${last?.next}`)).toMatchObject({
      events: [],
      recovered: true,
      has_more: false,
    });
    const sixth = events[5]?.position ?? '';
    const rest = await readPage(url, roomId, `?after=${sixth}`);
    expect(idsOf(rest.events)).toEqual(idsOf(events.slice(6)));
  });

  test('a reader that is far behind reads more events than a join may replay', async () => {
    const { url, publisher } = system();
    const roomId = randomUUID();
    await using witness = await EventLog.inRoom(url, roomId);
    const after = await readPosition(url, roomId);
    const sent = chatMessages(roomId, 1_200);
    for (let from = 0; from < sent.length; from += 400)
      await publisher.publishEvents(sent.slice(from, from + 400));
    await witness.received(sent.length);
    const pages = await readAllPages(url, roomId, after, 500);
    expect(pages.map(({ events }) => events.length)).toEqual([500, 500, 200]);
    expect(pages.flatMap(({ events }) => idsOf(events))).toEqual(idsOf(sent));
  });

  test('a page without a position has no events and contains the current position', async () => {
    const { url } = system();
    const roomId = randomUUID();
    await acceptEvents(url, [notification(roomId, 'before')]);
    const page = await readPage(url, roomId);
    expect(page).toMatchObject({
      room_id: roomId,
      events: [],
      recovered: false,
      has_more: false,
      typing: [],
    });
    const after = notification(roomId, 'after');
    await acceptEvents(url, [after]);
    await expect
      .poll(async () => idsOf((await readPage(url, roomId, `?after=${page.next}`)).events))
      .toEqual([after.event_id]);
  });

  test('a page lists the other users who are typing and keeps the text of payloads', async () => {
    const { url } = system();
    const roomId = randomUUID();
    const userId = randomUUID();
    const address = eventsUrl(url, roomId, `?after=${await readPosition(url, roomId)}&user=${randomUUID()}`);
    const payload = '{ "type":"info", "title": "exact",  "cents": 9007199254740993, "a":1, "a":2 }';
    await acceptEvents(url, `{"event_type":"notification","room_id":"${roomId}","payload":${payload}}`);
    await acceptEvents(url, [typing(roomId, userId, true)]);
    await expect.poll(async () => (await read(address)).body.typing).toMatchObject([{ user_id: userId }]);
    expect((await read(address)).text).toContain(`"payload":${payload}`);
    const own = eventsUrl(url, roomId, `?user=${userId}`);
    expect((await read(own)).body.typing).toEqual([]);
  });

  test('erased events are on no page, and pages, polls and streams report the erasure', async () => {
    const { url } = system();
    const roomId = randomUUID();
    const after = await readPosition(url, roomId);
    await using stream = await StreamReader.open(url, roomId);
    await stream.joined();
    const sent = chatMessages(roomId, 3);
    const [first, erased, last] = idsOf(sent);
    await acceptEvents(url, sent);
    await stream.idsUpTo(last ?? '');
    const { next } = await readPage(url, roomId, `?after=${after}`);
    const poll = readPage(url, roomId, `?after=${next}&wait=60`);
    const answer = await fetch(`${url}/v1/events/${erased}`, { method: 'DELETE' });
    expect(answer.status).toBe(200);
    const note = { event_type: 'event_erased', event_id: erased, room_id: roomId };
    expect((await poll).events).toMatchObject([note]);
    await stream.message(({ event, data }) => event === 'event_erased' && data.includes(erased ?? ''));
    const pages = await readAllPages(url, roomId, after, 1);
    expect(pages.map(({ recovered }) => recovered)).toEqual([true, true, true]);
    expect(pages.flatMap(({ events }) => events)).toMatchObject([
      { event_id: first },
      { event_id: last },
      note,
    ]);
  });

  test('a reader is told to load the room if its position is of a later build or of a lost stream', async () => {
    const { url } = system();
    const roomId = randomUUID();
    for (const after of ['v2~later', 'zzzzzzzzz-0']) {
      const page = await readPage(url, roomId, `?after=${after}`);
      expect(page).toMatchObject({ events: [], recovered: false });
      expect(await readPage(url, roomId, `?after=${page.next}`)).toMatchObject({ recovered: true });
    }
  });

  test.each([
    'after=garbage',
    'after=%00',
    `after=${'a'.repeat(9_000)}`,
    'limit=0',
    'limit=-1',
    'limit=1.5',
    'limit=1001',
    'limit=abc',
    'limit=',
    'limit=1&limit=2',
    'wait=-1',
    'wait=91',
    'wait=1e1',
    'wait=Infinity',
  ])('the query “%s” is refused with a problem that names the parameter', async (query) => {
    for (const accept of ['application/json', 'text/event-stream']) {
      const answer = await read(eventsUrl(system().url, 'room', `?${query}`), { accept });
      expect(answer.headers.get('content-type')).toContain('application/problem+json');
      expect(answer.body).toMatchObject({ status: 400, code: 'invalid_parameter' });
      expect(answer.body.detail).toContain(query.slice(0, query.indexOf('=')));
    }
  });

  test.each(['%00', 'millrace:control', 'a'.repeat(257), '%E0%A4%A', 'a'.repeat(2_000)])(
    'the room ID “%s” is refused with a problem',
    async (room) => {
      for (const what of ['events', 'position']) {
        const answer = await read(`${system().url}/v1/rooms/${room}/${what}`);
        expect(answer.body).toMatchObject({ status: 400, code: 'invalid_parameter' });
      }
    },
  );

  test('a room ID with slashes, spaces and non-ASCII text is read by its escaped form', async () => {
    const { url } = system();
    const roomId = `a/b c%?#ü${'€'.repeat(70)}`;
    const after = await readPosition(url, roomId);
    const event = notification(roomId, 'odd room');
    await acceptEvents(url, [event]);
    await expect
      .poll(async () => idsOf((await readPage(url, roomId, `?after=${after}`)).events))
      .toEqual([event.event_id]);
  });
});

test('pages of rooms in several partitions contain every event once, and end at positions of their partition', async () => {
  await using system = await startOnRedis({ environment: { MILLRACE_PARTITIONS: '3' } });
  const { url, publisher } = system;
  for (const roomId of ['ticket-1', 'ticket-2', 'ticket-3', 'ticket-4']) {
    const after = await readPosition(url, roomId);
    await using witness = await EventLog.inRoom(url, roomId);
    const sent = chatMessages(roomId, 9);
    await publisher.publishEvents(sent);
    await witness.received(sent.length);
    const pages = await readAllPages(url, roomId, after, 4);
    expect(pages.flatMap(({ events }) => idsOf(events))).toEqual(idsOf(sent));
  }
  const foreign = await readPage(url, 'ticket-1', `?after=${await readPosition(url, 'ticket-2')}`);
  expect(foreign.events).toEqual([]);
});

function byId(a: { readonly event_id: string }, b: { readonly event_id: string }): number {
  return a.event_id < b.event_id ? -1 : 1;
}
