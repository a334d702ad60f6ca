// The built-in catalog is what the data model says, and users' catalogs grow out of it.
import {
  checked,
  defineCatalog,
  defineEventType,
  defineStream,
  eventCatalog,
  optional,
  positiveInteger,
  roomId,
  Type,
  timestamp,
  uuid,
  uuidV4,
} from '@millrace/contract';
import { expect, test } from 'vitest';
import { EVENT_ID, eventOf, TIMESTAMP, UUID } from './samples.js';

test('the streams have the names and lengths of the data model', () => {
  expect(eventCatalog.streams).toEqual([
    { name: 'events:chat', maxLength: 10_000 },
    { name: 'events:ticket', maxLength: 5_000 },
    { name: 'events:notification', maxLength: 5_000 },
    { name: 'events:remote', maxLength: 1_000 },
  ]);
  expect(eventCatalog.findStream('events:remote')).toBe(eventCatalog.streams[3]);
  expect(eventCatalog.findStream('events:nope')).toBeUndefined();
});

test.each([
  ['chat_message', 'events:chat', 'high', null, 'all', undefined],
  ['typing_start', 'events:chat', 'low', 300_000, 'none', 'typing'],
  ['typing_stop', 'events:chat', 'low', 300_000, 'none', 'typing'],
  ['read_receipt', 'events:chat', 'low', 300_000, 'latest', 'read_receipt'],
  ['status_change', 'events:ticket', 'high', null, 'all', undefined],
  ['assignment_change', 'events:ticket', 'high', null, 'all', undefined],
  ['notification', 'events:notification', 'medium', 300_000, 'all', undefined],
  ['remote_session_start', 'events:remote', 'high', null, 'all', undefined],
  ['remote_session_end', 'events:remote', 'high', null, 'all', undefined],
])('%s: %s, %s, stale after %s ms, replay %s', (name, stream, lane, maxAgeMs, mode, slot) => {
  const declaration = eventCatalog.find(name);
  expect(declaration).toMatchObject({ name, stream, lane, maxAgeMs, replay: { mode } });
  expect(declaration?.coalescing?.slot).toBe(slot);
  if (slot !== undefined) expect(declaration?.coalescing?.windowMs).toBe(100);
});

test('a user’s own type sits beside the built-in ones and gets the same checks', () => {
  const orderPlaced = defineEventType({
    name: 'order_placed',
    payload: Type.Object({
      order_id: uuid(),
      trace: uuidV4(),
      at: timestamp(),
      table: roomId(),
      seats: positiveInteger(),
      even: checked(Type.Integer(), (value: number) => value % 2 === 0, { rule: 'even', expected: 'even' }),
      note: optional(Type.String({ maxLength: 3 })),
      size: Type.Union([Type.Literal('s'), Type.Literal('l')]),
      tags: Type.Optional(Type.Record(Type.String(), Type.Number())),
    }),
    stream: 'events:orders',
    lane: 'medium',
    maxAgeMs: 1_000,
    replay: { mode: 'latest', key: (payload) => payload.order_id },
  });
  const catalog = defineCatalog({
    streams: [...eventCatalog.streams, defineStream({ name: 'events:orders', maxLength: 100 })],
    eventTypes: [...eventCatalog.eventTypes, orderPlaced],
  });
  const payload = {
    order_id: UUID,
    trace: EVENT_ID,
    at: TIMESTAMP,
    table: 't',
    seats: 1,
    even: 2,
    note: null,
    size: 's',
    tags: { a: 1 },
  };
  expect(catalog.parseEvent(eventOf('order_placed', payload))).toMatchObject({ ok: true });
  expect(catalog.parseEvent(eventOf('chat_message'))).toMatchObject({ ok: true });
  expect(eventCatalog.parseEvent(eventOf('order_placed', payload))).toMatchObject({ ok: false });
  const wrong = {
    order_id: 'x',
    trace: UUID.replace('-4', '-1'),
    at: 'now',
    table: '{',
    seats: 0,
    even: 1,
    note: 'long',
    size: 'm',
    tags: { secret: 'x' },
  };
  const result = catalog.parsePayload('order_placed', wrong);
  expect(result.ok ? [] : result.issues.map((issue) => `${issue.path} ${issue.rule}`)).toEqual([
    '/payload/order_id format:uuid',
    '/payload/trace format:uuid-v4',
    '/payload/at format:date-time',
    '/payload/table format:room-id',
    '/payload/seats minimum',
    '/payload/even even',
    '/payload/note maxLength',
    '/payload/size anyOf',
    '/payload/tags type',
  ]);
});

test('a catalog can take over some of the built-in types only', () => {
  const [chat] = eventCatalog.eventTypes;
  const catalog = defineCatalog({ streams: eventCatalog.streams, eventTypes: [chat] });
  expect(catalog.parseEvent(eventOf('chat_message')).ok).toBe(true);
  expect(catalog.parseEvent(eventOf('notification')).ok).toBe(false);
});
