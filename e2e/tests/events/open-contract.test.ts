// The system accepts exactly what the data model allows. Values that it leaves open arrive, however they are published.
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { type SampleType, sampleEvent } from '../../fixtures/events/sample-events.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const system = sharedSystem(() => startOnRedis());

const ways = ['the publisher library', 'HTTP', 'plain XADD'] as const;

const payloads: readonly (readonly [SampleType, Readonly<Record<string, unknown>>])[] = [
  ['notification', { message: 'Ticket updated' }],
  ['assignment_change', { request_id: randomUUID(), updatedFields: ['technician'], updatedBy: 'maria' }],
  ['remote_session_start', { sessionId: randomUUID(), agentId: randomUUID() }],
  ['remote_session_end', { session_id: randomUUID(), requester_id: randomUUID() }],
  ['read_receipt', { userId: randomUUID(), messageIds: [randomUUID()] }],
  ['read_receipt', { user_id: randomUUID(), message_ids: [] }],
  ['notification', {}],
];

test.each(ways)(
  'payloads that the data model leaves open are delivered if they are published by %s',
  async (way) => {
    await using client = await EventLog.connect(system().url);
    const roomId = randomUUID();
    await client.join(roomId);
    const events = payloads.map(([type, payload]) => sampleEvent(roomId, type, payload));
    for (const event of events) await system().ways[way]?.([event]);
    const received = await client.received(events.length);
    const byId = new Map(received.map((event) => [event.event_id, event]));
    for (const event of events) expect(byId.get(event.event_id)).toMatchObject(event);
  },
);

test('receipts without the known fields are never coalesced, and a client that resumes gets all of them', async () => {
  const roomId = randomUUID();
  await using watcher = await EventLog.inRoom(system().url, roomId);
  const before = await watcher.join(roomId);
  const userId = randomUUID();
  const receipts = [1, 2, 3].map((messageId) => sampleEvent(roomId, 'read_receipt', { userId, messageId }));
  await system().ways['HTTP']?.(receipts);
  await watcher.received(3);
  await using client = await EventLog.connect(system().url);
  expect(await client.join(roomId, before.position)).toMatchObject({ recovered: true, replayed: 3 });
});

test.each([
  ['2026-11-28T14:50:00+0000', '2026-11-28T14:50:00+00:00'],
  ['2026-11-28T14:50:00+00', '2026-11-28T14:50:00+00:00'],
  ['2026-11-28T14:50Z', '2026-11-28T14:50:00Z'],
  ['2026-11-28T14:50:00,123Z', '2026-11-28T14:50:00.123Z'],
  ['2026-11-28 14:50:00+00:00', '2026-11-28T14:50:00+00:00'],
  ['2026-11-28T14:50:00.123456', '2026-11-28T14:50:00.123456Z'],
  ['20261128T145000Z', '2026-11-28T14:50:00Z'],
  ['2026-332T24:00', '2026-11-29T00:00:00Z'],
  ['2026-W48-6T14:50:00+01', '2026-11-28T14:50:00+01:00'],
])('the timestamp %s is delivered as %s', async (timestamp, delivered) => {
  await using client = await EventLog.connect(system().url);
  const roomId = randomUUID();
  await client.join(roomId);
  const events = ways.map(() => ({ ...sampleEvent(roomId, 'notification', {}), timestamp }));
  for (const [index, way] of ways.entries()) await system().ways[way]?.(events.slice(index, index + 1));
  const received = await client.received(events.length);
  expect(received.map((event) => event.timestamp)).toEqual(events.map(() => delivered));
});

test.each(['{room}', 'a{b', '}{', '%7Broom%7D', '  '])(
  'a room named %j delivers messages, typing and receipts like any other room',
  async (name) => {
    const roomId = `${name}${randomUUID()}`;
    const [alice, bob] = [randomUUID(), randomUUID()];
    await using client = await EventLog.connectAs(system().url, alice, 'alice');
    await client.join(roomId);
    const events = [
      sampleEvent(roomId, 'notification', { text: 'hello' }),
      sampleEvent(roomId, 'typing_start', { user_id: bob, username: 'bob', is_typing: true }),
      sampleEvent(roomId, 'read_receipt', { user_id: bob, message_ids: [randomUUID()] }),
    ];
    await system().ways['HTTP']?.(events);
    const received = await client.received(events.length);
    expect(new Set(received.map((event) => event.event_id))).toEqual(
      new Set(events.map((event) => event.event_id)),
    );
  },
);
