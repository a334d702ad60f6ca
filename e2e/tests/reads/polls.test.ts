// Long polling of a room over HTTP: the answer waits for the next event.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessages, idsOf, notification, typing } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { readPage, readPosition } from '../../fixtures/http/room-reads.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { everyBroker } from '../../fixtures/systems/every-broker.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

async function untilPolling(url: string, count = 1): Promise<void> {
  await eventually(async () =>
    expect(await readMetric(url, 'signalr_server_active_connections')).toBe(count),
  );
}

describe.each(everyBroker)('%s', (_, start) => {
  const system = sharedSystem(start);

  test('a waiting poll is answered by the next event, and a late poll at once by missed events', async () => {
    const { url } = system();
    const roomId = randomUUID();
    const after = await readPosition(url, roomId);
    const poll = readPage(url, roomId, `?after=${after}&wait=60`);
    await untilPolling(url);
    await acceptEvents(url, notification('elsewhere', 'not for this room'));
    const event = notification(roomId, 'awaited');
    await acceptEvents(url, event);
    const page = await poll;
    expect(page).toMatchObject({ room_id: roomId, recovered: true, has_more: false, typing: [] });
    expect(idsOf(page.events)).toEqual([event.event_id]);
    expect(page.events[0]?.position).toBe(page.next);
    expect(idsOf((await readPage(url, roomId, `?after=${after}&wait=60`)).events)).toEqual([event.event_id]);
    await untilPolling(url, 0);
  });

  test('a reader that polls repeatedly gets every event once and in order', async () => {
    const { url, publisher } = system();
    const roomId = randomUUID();
    const sent = chatMessages(roomId, 120);
    let position = await readPosition(url, roomId);
    const publishing = (async () => {
      for (let from = 0; from < sent.length; from += 8)
        await publisher.publishEvents(sent.slice(from, from + 8));
    })();
    const ids: string[] = [];
    while (ids.length < sent.length) {
      const page = await readPage(url, roomId, `?after=${position}&wait=60&limit=5`);
      expect(page.recovered).toBe(true);
      expect(page.events.length).toBeLessThanOrEqual(5);
      ids.push(...idsOf(page.events));
      position = page.next;
    }
    await publishing;
    expect(ids).toEqual(idsOf(sent));
  });

  test('a poll without a position waits for the next event from now on', async () => {
    const { url } = system();
    const roomId = randomUUID();
    await using witness = await EventLog.inRoom(url, roomId);
    await acceptEvents(url, notification(roomId, 'before'));
    await witness.received(1);
    const poll = readPage(url, roomId, '?wait=60');
    await untilPolling(url, 2);
    const event = notification(roomId, 'after');
    await acceptEvents(url, event);
    const page = await poll;
    expect(page.recovered).toBe(false);
    expect(idsOf(page.events)).toEqual([event.event_id]);
  });

  test('a poll is answered when another user types, and lists this user', async () => {
    const { url } = system();
    const roomId = randomUUID();
    const userId = randomUUID();
    await using witness = await EventLog.inRoom(url, roomId);
    const poll = readPage(url, roomId, '?wait=60');
    await untilPolling(url, 2);
    await acceptEvents(url, typing(roomId, userId, true));
    await witness.received(1);
    const page = await poll;
    expect(page.events).toMatchObject([{ event_type: 'typing_start' }]);
    expect(page.typing).toMatchObject([{ user_id: userId }]);
  });

  test('a poll without a new event gets an empty page whose position loses nothing', async () => {
    const { url } = system();
    const roomId = randomUUID();
    const after = await readPosition(url, roomId);
    const poll = readPage(url, roomId, `?after=${after}&wait=1`);
    await acceptEvents(url, notification('elsewhere', 'not for this room'));
    const page = await poll;
    expect(page).toMatchObject({ events: [], recovered: true, has_more: false });
    const event = notification(roomId, 'late');
    await acceptEvents(url, event);
    await expect
      .poll(async () => idsOf((await readPage(url, roomId, `?after=${page.next}`)).events))
      .toEqual([event.event_id]);
  });

  test('a client that leaves its poll leaves no connection behind', async () => {
    const { url } = system();
    const leaving = new AbortController();
    const poll = fetch(`${url}/v1/rooms/room/events?wait=60`, { signal: leaving.signal });
    await untilPolling(url);
    leaving.abort();
    await expect(poll).rejects.toThrow(/abort/i);
    await untilPolling(url, 0);
  });
});

test('a waiting poll is answered with an empty page when the gateway stops', async () => {
  const gateway = await EmbeddedGateway.start();
  const after = await readPosition(gateway.url, 'room');
  const poll = readPage(gateway.url, 'room', `?after=${after}&wait=60`);
  await untilPolling(gateway.url);
  await gateway[Symbol.asyncDispose]();
  expect(await poll).toMatchObject({ events: [], recovered: true });
});
