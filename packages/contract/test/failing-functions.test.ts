// Functions and schemas of an application that fail. A value that cannot be checked is refused, a schema that cannot be compiled is named,
// and events that cannot be merged stay as they are.
import {
  createCoalescing,
  defineCatalog,
  defineEventType,
  type EventTypeDeclaration,
  type StreamEvent,
  Type,
} from '@millrace/contract';
import { expect, test } from 'vitest';

const kept = { stream: 'events', lane: 'low', maxAgeMs: null, replay: { mode: 'all' } } as const;

function catalogWith(type: object) {
  const declaration = { ...kept, name: 'x', payload: Type.Object({}), ...type } as EventTypeDeclaration<
    'x',
    EventTypeDeclaration['payload'],
    'events'
  >;
  return defineCatalog({
    streams: [{ name: 'events', maxLength: 10 }],
    eventTypes: [defineEventType(declaration)],
  });
}

function eventOf(payload: object, id = 1): StreamEvent {
  const event_id = `00000000-0000-4000-8000-00000000000${id}`;
  return { event_id, event_type: 'x', timestamp: '2026-11-28T14:50:00Z', room_id: 'r', payload };
}

function fail(): never {
  throw new Error('failed on purpose');
}

test('a payload on which the check of its schema throws is refused, with its path', () => {
  const catalog = catalogWith({ payload: Type.Refine(Type.Object({}), fail) });
  const refusal = {
    ok: false,
    issues: [
      {
        path: '/payload',
        rule: 'check',
        expected: 'a value that the check of its schema can handle (it threw an error)',
        actualType: 'object',
      },
    ],
  };
  expect(catalog.parseEvent(eventOf({}))).toMatchObject(refusal);
  expect(catalog.parsePayload('x', {})).toMatchObject(refusal);
});

test('a schema that cannot be compiled is reported with the name of its type', () => {
  const catalog = catalogWith({ payload: Type.Object({ a: Type.String({ pattern: '(' }) }) });
  expect(() => catalog.parsePayload('x', {})).toThrow(
    'event type "x": the payload schema cannot be compiled: Invalid regular expression',
  );
});

test.each([
  ['throws', fail],
  ['returns a payload that breaks the schema', () => ({ n: 'one' })],
  ['returns a value that JSON does not have', () => ({ n: 1n })],
])('events whose merge %s are left unmerged, and none is absorbed', (_, merge) => {
  const coalescing = { slot: 's', windowMs: 100, key: () => 'k', merge };
  const rules = createCoalescing(catalogWith({ payload: Type.Object({ n: Type.Number() }), coalescing }));
  const events = [eventOf({ n: 1 }, 1), eventOf({ n: 2 }, 2), eventOf({ n: 3 }, 3)];
  const folded = rules.fold(events.map((event) => ({ event, key: 'k' })));
  expect(folded.events.map(({ payload, metadata }) => [payload, metadata?.coalesced_count])).toEqual([
    [{ n: 1 }, 1],
    [{ n: 2 }, 1],
    [{ n: 3 }, 1],
  ]);
  expect(folded.absorbed).toEqual([]);
});

test('a key that is not a string is refused, because all promises would be the same key', () => {
  const coalescing = {
    slot: 's',
    windowMs: 100,
    key: () => Promise.resolve('k'),
    merge: (_: unknown, later: unknown) => later,
  };
  const rules = createCoalescing(catalogWith({ coalescing }));
  expect(() => rules.slotOf(eventOf({}))).toThrow(
    'event type "x": coalescing.key must return a string or undefined, not an instance of Promise',
  );
});
