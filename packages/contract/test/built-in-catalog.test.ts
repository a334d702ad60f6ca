// The built-in catalog follows the data model, and applications can extend it.
import {
  checked,
  createJsonSchemas,
  defineCatalog,
  defineEventType,
  defineStream,
  type EventIdRule,
  eventCatalog,
  optional,
  positiveInteger,
  roomId,
  Type,
  timestamp,
  uuid,
  uuidV4,
} from '@millrace/contract';
import { EVENT_ID, eventOf, TIMESTAMP, UUID } from '@millrace/testkit';
import type { TSchema } from 'typebox';
import { expect, test } from 'vitest';

test('the built-in streams have the names and lengths of the data model', () => {
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
])(
  'the type %s has the stream %s, the lane %s, the maximum age %s and the replay mode %s',
  (name, stream, lane, maxAgeMs, mode, slot) => {
    const declaration = eventCatalog.find(name);
    expect(declaration).toMatchObject({ name, stream, lane, maxAgeMs, replay: { mode } });
    expect(declaration?.coalescing?.slot).toBe(slot);
    if (slot !== undefined) expect(declaration?.coalescing?.windowMs).toBe(100);
  },
);

test('an event type of the application gets the same checks as the built-in types', () => {
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
    table: 'a\nb',
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

test('a payload can be of any JSON type', () => {
  const typeOf = (name: string, payload: TSchema) =>
    defineEventType({
      name,
      payload,
      stream: 'events:chat',
      lane: 'high',
      maxAgeMs: null,
      replay: { mode: 'all' },
    });
  const catalog = defineCatalog({
    streams: eventCatalog.streams,
    eventTypes: [
      typeOf('ReceiveMessage', Type.String()),
      typeOf('chat:typing', Type.Array(Type.Integer())),
      typeOf('über alles / %', Type.Null()),
      typeOf('x'.repeat(128), Type.Unknown()),
    ],
  });
  const accepts = (type: string, payload: unknown): boolean => catalog.parseEvent(eventOf(type, payload)).ok;
  expect([accepts('ReceiveMessage', 'text'), accepts('ReceiveMessage', 1)]).toEqual([true, false]);
  expect([accepts('chat:typing', [1, 2]), accepts('chat:typing', {})]).toEqual([true, false]);
  expect([accepts('über alles / %', null), accepts('über alles / %', {})]).toEqual([true, false]);
  for (const payload of [null, 0, false, '', [], {}]) expect(accepts('x'.repeat(128), payload)).toBe(true);
  const entry = catalog.encodeEntry(eventOf('ReceiveMessage', 'text'));
  expect(catalog.parseEntry(entry)).toMatchObject({ ok: true, value: { payloadText: '"text"' } });
  expect(Object.keys(createJsonSchemas(catalog).payloads)).toHaveLength(4);
});

test('a catalog chooses the rule for its event IDs', () => {
  const of = (eventIdRule: EventIdRule) => defineCatalog({ ...eventCatalog, eventIdRule });
  const idOf = (rule: EventIdRule, event_id: string): string => {
    const parsed = of(rule).parseEvent(eventOf('notification', {}, { event_id }));
    return parsed.ok ? parsed.value.event_id : (parsed.issues[0]?.rule ?? '');
  };
  const v7 = '019535D9-3DF7-79FB-B466-FA907FA17F9E';
  expect(eventCatalog.eventIdRule).toBe('uuid-v4');
  expect(idOf('uuid-v4', v7)).toBe('format:uuid-v4');
  expect(idOf('uuid', v7)).toBe(v7.toLowerCase());
  expect(idOf('uuid', 'order-7')).toBe('format:uuid');
  for (const id of [v7, 'order-7', '"},{', '\\', '{}', '世'.repeat(85)]) expect(idOf('text', id)).toBe(id);
  for (const id of ['', 'a\nb', 'a\0', '\ud800', '世'.repeat(86)])
    expect(idOf('text', id)).toBe('format:event-id');
});

test('a catalog can contain only some of the built-in types', () => {
  const [chat] = eventCatalog.eventTypes;
  const catalog = defineCatalog({ streams: eventCatalog.streams, eventTypes: [chat] });
  expect(catalog.parseEvent(eventOf('chat_message')).ok).toBe(true);
  expect(catalog.parseEvent(eventOf('notification')).ok).toBe(false);
});
