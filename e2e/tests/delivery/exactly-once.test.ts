// An event that is published twice with the same event_id within 5 minutes is delivered once, however it was published.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, notification, type SampleEvent } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { assertAllAcknowledged, xaddEvent } from '../../fixtures/redis/plain-redis.js';
import type { DeliverySystem } from '../../fixtures/systems/delivery-system.js';
import { everyBroker } from '../../fixtures/systems/every-broker.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const payload = { type: 'info', title: 'once' };

describe.each(everyBroker)('an event that is published twice %s', (_, start) => {
  const system = sharedSystem(start);

  test('a second publish() with the same event ID returns the entry ID of the first call', async () => {
    const roomId = randomUUID();
    const eventId = randomUUID();
    await using client = await EventLog.inRoom(system().url, roomId);
    const first = await system().publisher.publish('notification', roomId, payload, { eventId });
    const second = await system().publisher.publish('notification', roomId, payload, { eventId });
    expect(first).toMatchObject({ status: 'stored', eventId, isDuplicate: false });
    expect(second).toStrictEqual({ ...first, isDuplicate: true });
    expect(await idsWithLast(system(), client, roomId)).toEqual([eventId]);
  });

  test('a repeated event is answered over HTTP with “duplicate” and the entry ID of the first request', async () => {
    const roomId = randomUUID();
    const event = notification(roomId, 'once');
    await using client = await EventLog.inRoom(system().url, roomId);
    const first = await acceptEvents(system().url, event);
    const second = await acceptEvents(system().url, event);
    expect(first.body).toMatchObject({ status: 'stored', event_id: event.event_id, is_duplicate: false });
    expect(second.body).toStrictEqual({ ...(first.body as object), is_duplicate: true });
    expect(await idsWithLast(system(), client, roomId)).toEqual([event.event_id]);
  });

  test('an event that is listed twice in one request, and repeated in upper case, is delivered once', async () => {
    const roomId = randomUUID();
    const event = notification(roomId, 'once');
    await using client = await EventLog.inRoom(system().url, roomId);
    await acceptEvents(system().url, [event, event]);
    await acceptEvents(system().url, upperCase(event));
    expect(await idsWithLast(system(), client, roomId)).toEqual([event.event_id]);
  });

  test('an event that is published again over HTTP with another payload is delivered once, with its first payload', async () => {
    const roomId = randomUUID();
    const eventId = randomUUID();
    await using client = await EventLog.inRoom(system().url, roomId);
    const first = await system().publisher.publish('notification', roomId, payload, { eventId });
    const second = await acceptEvents(system().url, {
      ...notification(roomId, 'changed'),
      event_id: eventId,
    });
    expect(second.body).toMatchObject({
      is_duplicate: true,
      entry_id: 'entryId' in first ? first.entryId : '',
    });
    const ids = await idsWithLast(system(), client, roomId);
    expect(ids).toEqual([eventId]);
    expect(client.events[0]?.payload).toStrictEqual(payload);
  });

  test('an event that is published forty times at the same time is delivered once', async () => {
    const roomId = randomUUID();
    const event = notification(roomId, 'once');
    await using client = await EventLog.inRoom(system().url, roomId);
    const byLibrary = { eventId: event.event_id };
    await Promise.all([
      ...Array.from({ length: 20 }, () => acceptEvents(system().url, event)),
      ...Array.from({ length: 20 }, () =>
        system().publisher.publish('notification', roomId, payload, byLibrary),
      ),
    ]);
    expect(await idsWithLast(system(), client, roomId)).toEqual([event.event_id]);
  });
});

describe('with a plain XADD', () => {
  const system = sharedSystem(() => startOnRedis());

  test.each<[string, (event: SampleEvent) => Promise<unknown>]>([
    [
      'the publisher',
      (event) =>
        system().publisher.publish('notification', event.room_id, payload, { eventId: event.event_id }),
    ],
    ['HTTP', (event) => acceptEvents(system().url, event)],
    ['another XADD', (event) => xaddEvent(system().redis, event)],
    ['an XADD in upper case', (event) => xaddEvent(system().redis, upperCase(event))],
  ])(
    'plain XADDs that repeat the ID of an event from %s, in upper or lower case, count as duplicates and are acknowledged',
    async (_, first) => {
      const roomId = randomUUID();
      const event = notification(roomId, 'once');
      await using client = await EventLog.inRoom(system().url, roomId);
      const duplicates = await readMetric(system().url, 'events_dropped_total', { reason: 'duplicate' });
      await first(event);
      await xaddEvent(system().redis, event);
      await xaddEvent(system().redis, upperCase(event));
      expect(await idsWithLast(system(), client, roomId)).toEqual([event.event_id]);
      expect(await readMetric(system().url, 'events_dropped_total', { reason: 'duplicate' })).toBe(
        duplicates + 2,
      );
      await eventually(() => assertAllAcknowledged(system().redis, 'events:notification'));
    },
  );

  test('an event that is added by plain XADD, and repeated by the publisher and by HTTP, is delivered once', async () => {
    const roomId = randomUUID();
    const event = notification(roomId, 'once');
    await using client = await EventLog.inRoom(system().url, roomId);
    await xaddEvent(system().redis, event);
    await client.received(1);
    await acceptEvents(system().url, event);
    await system().publisher.publish('notification', roomId, payload, { eventId: event.event_id });
    expect(await idsWithLast(system(), client, roomId)).toEqual([event.event_id]);
  });
});

test('a restarted gateway recognises the events that the earlier gateway delivered', async () => {
  await using system = await startOnRedis();
  const { redis, gateway } = system;
  const roomId = randomUUID();
  const events = [chatMessage(roomId, 'by hand'), notification(roomId, 'by HTTP')] as const;
  {
    await using client = await EventLog.inRoom(system.url, roomId);
    await xaddEvent(redis, events[0]);
    await acceptEvents(system.url, events[1]);
    await client.received(2);
  }
  expect(await gateway.stop()).toBe(0);
  const next = await system.startGateway();
  await using client = await EventLog.inRoom(next.url, roomId);
  for (const event of events) await xaddEvent(redis, event);
  const last = [chatMessage(roomId, 'last'), notification(roomId, 'last')] as const;
  for (const event of last) await xaddEvent(redis, event);
  await client.event((event) => event.event_id === last[0].event_id);
  await client.event((event) => event.event_id === last[1].event_id);
  expect([...client.ids].sort()).toEqual(last.map((event) => event.event_id).sort());
});

/** Publishes one more event of the same stream, and returns the IDs that arrived before it. */
async function idsWithLast(
  system: DeliverySystem,
  client: EventLog,
  roomId: string,
): Promise<readonly string[]> {
  const last = notification(roomId, 'last');
  await acceptEvents(system.url, last);
  return (await client.idsUpTo(last.event_id)).slice(0, -1);
}

function upperCase(event: SampleEvent): SampleEvent {
  return { ...event, event_id: event.event_id.toUpperCase() };
}
