// Coalescing of typing and read receipts, as clients see it. Several events within one window become one event. Its count is
// their number.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type DeliveredEvent, EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, readReceipt, type SampleEvent, typing } from '../../fixtures/events/sample-events.js';
import { acceptEvents, postEvents } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { everyBroker } from '../../fixtures/systems/every-broker.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

describe.each(everyBroker)('coalescing %s', (_, start) => {
  const system = sharedSystem(start);

  async function joined(roomId: string): Promise<EventLog> {
    return EventLog.inRoom(system().url, roomId);
  }

  test('three typing events of a user in one window become one event with a count of three', async () => {
    const roomId = randomUUID();
    const ana = randomUUID();
    await using client = await joined(roomId);
    const events = [typing(roomId, ana, true), typing(roomId, ana, false), typing(roomId, ana, true)];
    const answer = await postEvents(system().url, events);
    expect(answer.status).toBe(202);
    const [delivered] = await client.received(1);
    expect(delivered).toMatchObject({ ...events[2], metadata: { coalesced_count: 3 } });
    await assertNothingElse(client, roomId);
  });

  test('a typing_stop replaces an earlier typing_start and is never lost', async () => {
    const roomId = randomUUID();
    const ana = randomUUID();
    await using client = await joined(roomId);
    const events = [typing(roomId, ana, true), typing(roomId, ana, false)];
    await acceptEvents(system().url, events);
    const [delivered] = await client.received(1);
    expect(delivered).toMatchObject({ ...events[1], metadata: { coalesced_count: 2 } });
    await assertNothingElse(client, roomId);
  });

  test('two people who type at the same time in one room are both visible', async () => {
    const roomId = randomUUID();
    const [ana, bob] = [randomUUID(), randomUUID()];
    await using client = await joined(roomId);
    await acceptEvents(system().url, [
      typing(roomId, ana, true),
      typing(roomId, bob, true),
      typing(roomId, ana, true),
    ]);
    const delivered = await client.received(2);
    expect(countsOfUsers(delivered)).toEqual({ [ana]: 2, [bob]: 1 });
  });

  test('one person who types in two rooms at the same time is visible in both', async () => {
    const rooms = [randomUUID(), randomUUID()] as const;
    const ana = randomUUID();
    await using client = await joined(rooms[0]);
    await client.join(rooms[1]);
    await acceptEvents(system().url, [typing(rooms[0], ana, true), typing(rooms[1], ana, true)]);
    expect((await client.received(2)).map((event) => event.room_id).sort()).toEqual([...rooms].sort());
  });

  test('the read receipts of a user become one receipt that contains each message once', async () => {
    const roomId = randomUUID();
    const ana = randomUUID();
    const [a, b, c] = [randomUUID(), randomUUID(), randomUUID()];
    await using client = await joined(roomId);
    const events = [readReceipt(roomId, ana, [a, b]), readReceipt(roomId, ana, [b, c])];
    await acceptEvents(system().url, events);
    const [delivered] = await client.received(1);
    expect(delivered).toMatchObject({ event_id: events[1]?.event_id, metadata: { coalesced_count: 2 } });
    expect([...messageIds(delivered)].sort()).toEqual([a, b, c].sort());
    await assertNothingElse(client, roomId);
  });

  test('typing and read receipts of one user do not replace each other', async () => {
    const roomId = randomUUID();
    const ana = randomUUID();
    await using client = await joined(roomId);
    await acceptEvents(system().url, [typing(roomId, ana, true), readReceipt(roomId, ana, [randomUUID()])]);
    const delivered = await client.received(2);
    expect(delivered.map((event) => event.event_type).sort()).toEqual(['read_receipt', 'typing_start']);
  });

  test('the counts of the events that many windows deliver add up to the number of published events', async () => {
    const roomId = randomUUID();
    const users = [randomUUID(), randomUUID(), randomUUID()] as const;
    await using client = await joined(roomId);
    // Requests are sent one after the other, so that their events fall into several windows. The two events of one request
    // fall into the same window.
    for (let at = 0; at < 75; at += 1) {
      const user = users[at % 3] ?? '';
      const event = () =>
        at % 2 === 0 ? typing(roomId, user, at % 4 === 0) : readReceipt(roomId, user, [randomUUID()]);
      await acceptEvents(system().url, [event(), event()]);
    }
    await client.event(() => sumOfCounts(client.events) >= 150);
    expect(countsOfUsers(client.events)).toEqual({ [users[0]]: 50, [users[1]]: 50, [users[2]]: 50 });
    expect(client.events.length).toBeLessThan(150);
    await assertNothingElse(client, roomId);
  });

  test('no message ID is lost when coalesced read receipts grow large', async () => {
    const roomId = randomUUID();
    const ana = randomUUID();
    await using client = await joined(roomId);
    const read = Array.from({ length: 20 }, () => Array.from({ length: 1_000 }, () => randomUUID()));
    await system().publisher.publishEvents(read.map((ids) => readReceipt(roomId, ana, ids)));
    await client.event(() => sumOfCounts(client.events) >= read.length);
    const seen = new Set(client.events.flatMap((event) => messageIds(event)));
    expect(seen.size).toBe(20_000);
  });

  test('a repeated event changes neither the coalesced event nor its count', async () => {
    const roomId = randomUUID();
    const ana = randomUUID();
    await using client = await joined(roomId);
    const [first, second] = [typing(roomId, ana, true), typing(roomId, ana, false)];
    await acceptEvents(system().url, [first, second, first, second]);
    const [delivered] = await client.received(1);
    expect(delivered).toMatchObject({ ...second, metadata: { coalesced_count: 2 } });
    await assertNothingElse(client, roomId);
  });

  test('a chat message ends only the typing of its sender, and the drop is counted', async () => {
    const roomId = randomUUID();
    const [ana, bob] = [randomUUID(), randomUUID()];
    await using client = await joined(roomId);
    const droppedBefore = await readMetric(system().url, 'events_dropped_total');
    const [anaTypes, bobTypes] = [typing(roomId, ana, true), typing(roomId, bob, true)];
    const message = chatMessage(roomId, 'done typing', { sender_id: ana });
    await acceptEvents(system().url, [anaTypes, bobTypes, message]);
    await client.received(2);
    await assertNothingElse(client, roomId);
    expect([...client.ids].slice(0, 2).sort()).toEqual([message.event_id, bobTypes.event_id].sort());
    expect(await readMetric(system().url, 'events_dropped_total')).toBe(droppedBefore + 1);
  });

  test.each([-300_000, 0, 300_000])(
    'a message ends its sender’s earlier typing but not later typing, even if clocks differ by %d ms',
    async (skewMs) => {
      const roomId = randomUUID();
      const ana = randomUUID();
      const at = (ms: number): { timestamp: string } => ({
        timestamp: new Date(Date.now() + ms).toISOString(),
      });
      await using client = await joined(roomId);
      const earlier = { ...typing(roomId, ana, true), ...at(skewMs) };
      await acceptEvents(system().url, earlier);
      const message = { ...chatMessage(roomId, 'sent', { sender_id: ana }), ...at(-skewMs) };
      await acceptEvents(system().url, message);
      const next = { ...typing(roomId, ana, true), ...at(skewMs) };
      await acceptEvents(system().url, next);
      await client.event(({ event_id }) => event_id === next.event_id);
      // On a busy machine, the window of the earlier typing may end before the message.
      const isTooLate = client.ids[0] === earlier.event_id;
      await assertNothingElse(client, roomId, isTooLate ? 3 : 2);
      expect(client.ids.slice(isTooLate ? 1 : 0, -1)).toEqual([message.event_id, next.event_id]);
    },
  );

  /**
   * Publishes a typing event of a new user and waits for it. Any other event would have arrived before, because earlier
   * windows are published earlier.
   */
  async function assertNothingElse(
    client: EventLog,
    roomId: string,
    before = client.events.length,
  ): Promise<void> {
    const last: SampleEvent = typing(roomId, randomUUID(), true);
    await acceptEvents(system().url, last);
    const ids = await client.idsUpTo(last.event_id);
    expect(ids).toHaveLength(before + 1);
  }
});

function countOf(event: DeliveredEvent): number {
  return Number(event.metadata?.['coalesced_count'] ?? 1);
}

function sumOfCounts(events: readonly DeliveredEvent[]): number {
  return events.reduce((sum, event) => sum + countOf(event), 0);
}

function countsOfUsers(events: readonly DeliveredEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const event of events) {
    const user = String(event.payload['user_id']);
    counts[user] = (counts[user] ?? 0) + countOf(event);
  }
  return counts;
}

function messageIds(event: DeliveredEvent | undefined): readonly string[] {
  const ids = event?.payload['message_ids'];
  return Array.isArray(ids) ? ids.map(String) : [];
}
