// The delivery promises of every gateway. The suite runs with Redis and with the in-memory broker.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type DeliveredEvent, EventLog } from '../../fixtures/clients/event-log.js';
import {
  chatMessage,
  fullEvents,
  minimalEvents,
  notification,
  nullEvents,
  readReceipt,
  type SampleEvent,
  typing,
} from '../../fixtures/events/sample-events.js';
import type { DeliverySystem } from '../../fixtures/systems/delivery-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const uuidV4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Declares the suite. */
export function describeDelivery(wayNames: readonly string[], start: () => Promise<DeliverySystem>): void {
  const system = sharedSystem(start);

  describe.each(wayNames)('events published by %s', (way) => {
    test.each([
      ['with extra fields and text outside ASCII', fullEvents],
      ['with nothing but the required fields', minimalEvents],
      ['with every optional field null', nullEvents],
    ])(
      'events of all nine types %s arrive with the payload and metadata that were sent',
      async (_, eventsOf) => {
        const roomId = `raum-ä-${randomUUID()}`;
        const events = eventsOf(roomId);
        await using client = await EventLog.inRoom(system().url, roomId);
        await system().ways[way]?.(events);
        const delivered = await client.received(events.length);
        expect(byId(delivered).map(withoutCountOfOne)).toStrictEqual(byId(events).map(withoutCountOfOne));
        for (const event of delivered) expect(event.position).toMatch(/^\S+$/);
      },
    );
  });

  describeSystem(system);
}

function describeSystem(running: () => DeliverySystem): void {
  test('publish() adds a missing ID, timestamp or source, and keeps values that its caller passes', async () => {
    const { url, publisher } = running();
    const roomId = randomUUID();
    const eventId = randomUUID();
    await using client = await EventLog.inRoom(url, roomId);
    const payload = { type: 'info', title: 'stamped' };
    await publisher.publish('notification', roomId, payload, { traceId: 'trace-7' });
    await publisher.publish('notification', roomId, payload, {
      eventId,
      timestamp: '2026-01-16T10:00:00+02:00',
    });
    const [stamped, given] = await client.received(2);
    expect(stamped?.event_id).toMatch(uuidV4);
    expect(Math.abs(Date.parse(stamped?.timestamp ?? '') - Date.now())).toBeLessThan(60_000);
    expect(stamped?.metadata).toStrictEqual({
      source_instance: expect.stringMatching(/./),
      trace_id: 'trace-7',
    });
    expect(given).toMatchObject({ event_id: eventId, timestamp: '2026-01-16T10:00:00+02:00', payload });
  });

  test('every client in a room receives the same event with the same position', async () => {
    const { url, publisher } = running();
    const roomId = randomUUID();
    await using first = await EventLog.connect(url);
    await using second = await EventLog.connect(url);
    await Promise.all([first.join(roomId), second.join(roomId)]);
    await publisher.publish('notification', roomId, { type: 'info', title: 'to all' });
    expect(await first.received(1)).toStrictEqual(await second.received(1));
  });

  test('clients in different rooms receive only the events of their own room', async () => {
    const { url, ways } = running();
    const rooms = [randomUUID(), randomUUID()] as const;
    await using first = await EventLog.connect(url);
    await using second = await EventLog.connect(url);
    await first.join(rooms[0]);
    await second.join(rooms[1]);
    const events = Array.from({ length: 40 }, (_, at) => chatMessage(rooms[at % 2] ?? '', `message ${at}`));
    await ways['HTTP']?.(events);
    const idsOf = (roomId: string): string[] =>
      events.filter((event) => event.room_id === roomId).map((event) => event.event_id);
    await Promise.all([first.received(20), second.received(20)]);
    expect(first.ids).toEqual(idsOf(rooms[0]));
    expect(second.ids).toEqual(idsOf(rooms[1]));
  });

  test('the events of a personal room reach only the connections of its user', async () => {
    const { url, ways } = running();
    const [ana, bob] = [randomUUID(), randomUUID()];
    await using phone = await EventLog.connectAs(url, ana, 'Ana');
    await using desk = await EventLog.connectAs(url, ana, 'Ana');
    await using other = await EventLog.connectAs(url, bob, 'Bob');
    const personal = notification(`user:${ana}`, 'for Ana');
    const last = notification(`user:${bob}`, 'for Bob');
    await ways['HTTP']?.([personal, last]);
    await Promise.all([phone.received(1), desk.received(1)]);
    expect(phone.ids).toEqual([personal.event_id]);
    expect(desk.ids).toEqual([personal.event_id]);
    expect(await other.idsUpTo(last.event_id)).toEqual([last.event_id]);
    expect(await phone.join('user:me')).toMatchObject({ roomId: `user:${ana}` });
  });

  test('typing events do not go to devices of the typing user, but read receipts go to all devices', async () => {
    const { url, ways } = running();
    const roomId = randomUUID();
    const [ana, bob] = [randomUUID(), randomUUID()];
    await using phone = await EventLog.connectAs(url, ana, 'Ana');
    await using desk = await EventLog.connectAs(url, ana, 'Ana');
    await using other = await EventLog.connectAs(url, bob, 'Bob');
    await Promise.all([phone.join(roomId), desk.join(roomId), other.join(roomId)]);
    const started = typing(roomId, ana, true);
    const receipt = readReceipt(roomId, ana, [randomUUID()]);
    await ways['HTTP']?.([started, receipt]);
    await other.received(2);
    const last = chatMessage(roomId, 'last');
    await ways['HTTP']?.([last]);
    expect(sorted(await other.idsUpTo(last.event_id))).toEqual(
      sorted([started.event_id, receipt.event_id, last.event_id]),
    );
    expect(await phone.idsUpTo(last.event_id)).toEqual([receipt.event_id, last.event_id]);
    expect(await desk.idsUpTo(last.event_id)).toEqual([receipt.event_id, last.event_id]);
  });
}

function byId<Event extends { readonly event_id: string }>(events: readonly Event[]): Event[] {
  return [...events].sort((a, b) => (a.event_id < b.event_id ? -1 : 1));
}

function sorted(ids: readonly string[]): string[] {
  return [...ids].sort();
}

/**
 * Returns the event without a `coalesced_count` of 1 or null. An event that was not coalesced may be delivered with a count
 * of 1.
 */
function withoutCountOfOne(event: SampleEvent | DeliveredEvent): Record<string, unknown> {
  const { metadata = {}, ...rest } = event;
  const { position: _, ...sent } = { position: '', ...rest };
  const { coalesced_count: count, ...others } = metadata;
  const kept = count === undefined || count === null || count === 1 ? others : metadata;
  return { ...sent, metadata: kept };
}
