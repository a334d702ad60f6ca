// A wrong declaration is a programmer's mistake. It immediately throws an error with a stable code and an
// explanation.
import { defineCatalog, defineEventType, defineStream, eventCatalog, Type } from '@millrace/contract';
import { expect, test } from 'vitest';

type Declaration = Parameters<typeof defineEventType>[0];

const stream = { name: 'events:orders', maxLength: 10 };
const type: Declaration = {
  name: 'order_placed',
  payload: Type.Object({ id: Type.String() }),
  stream: 'events:orders',
  lane: 'high',
  maxAgeMs: null,
  replay: { mode: 'all' },
};
const key = (): string => 'k';
const coalescing = {
  slot: 'orders',
  windowMs: 100,
  key,
  merge: <Payload>(_: Payload, later: Payload) => later,
};

const indicator = {
  name: 'orders_open',
  isShown: true,
  user: () => undefined,
  payload: () => ({ id: 'x' }),
  expiresAfterMs: 1_000,
};

const invalid = (words: RegExp): unknown =>
  expect.objectContaining({ code: 'invalid_declaration', message: expect.stringMatching(words) });

test.each([
  [{ name: '' }, /name/],
  [{ name: 'events:{chat}' }, /name/],
  [{ name: 'events chat' }, /name/],
  [{ name: ':events' }, /name/],
  [{ name: `e${'x'.repeat(128)}` }, /name/],
  [{ name: 'events:chat.p3' }, /partition/],
  [{ name: undefined }, /name/],
  [{ maxLength: 0 }, /maxLength/],
  [{ maxLength: 1.5 }, /maxLength/],
  [{ maxLength: '10' }, /maxLength/],
  [{ retention: 'observed' }, /retention must be acknowledged or observe/],
  [{ group: 'a{b}' }, /group must be a string of 1 to 200 bytes/],
  [{ group: '' }, /group must be a string of 1 to 200 bytes/],
  [{ retension: 'observe' }, /has no field retension: did you mean retention\?/],
  [{ trim: false }, /has no field trim: the fields are name, maxLength, retention, group/],
])('a stream declaration with the fields %j is refused', (change, words) => {
  expect(() => defineStream({ ...stream, ...change } as typeof stream)).toThrow(invalid(words));
});

test.each([
  [{ name: '' }, /name/],
  [{ name: 7 }, /name/],
  [{ name: 'order\nplaced' }, /name/],
  [{ name: 'order\u0085' }, /name/],
  [{ name: 'order\ud800' }, /name/],
  [{ name: 'x'.repeat(129) }, /name/],
  [{ name: 'ü'.repeat(65) }, /name/],
  [{ name: '__proto__' }, /JavaScript/],
  [{ name: 'Constructor' }, /JavaScript/],
  [{ name: 'resync' }, /reserved/],
  [{ name: 'Position' }, /reserved/],
  [{ name: 'removed' }, /reserved/],
  [{ name: 'RefreshToken' }, /reserved/],
  [{ name: 'JoinRoom' }, /reserved/],
  [{ name: 'leaveroom' }, /reserved/],
  [{ name: 'SENDTYPING' }, /reserved/],
  [{ name: 'markRead' }, /reserved/],
  [{ payload: { type: 'object' } }, /TypeBox schema/],
  [{ payload: undefined }, /TypeBox schema/],
  [{ openPayload: { type: 'object' } }, /TypeBox schema/],
  [{ stream: undefined }, /stream/],
  [{ lane: 'urgent' }, /lane/],
  [{ maxAgeMs: 0 }, /maxAgeMs/],
  [{ maxAgeMs: undefined }, /maxAgeMs/],
  [{ maxAgeMs: Number.POSITIVE_INFINITY }, /maxAgeMs/],
  [{ replay: undefined }, /replay/],
  [{ replay: { mode: 'some' } }, /replay/],
  [{ replay: { mode: 'latest' } }, /key/],
  [{ replay: { mode: 'latest', key: async () => 'k' } }, /replay\.key must be a function.*not async/],
  [{ replay: { mode: 'all', key } }, /replay\.key has no effect unless/],
  [{ replay: { mode: 'latest', key, per: 'user' } }, /replay has no field per/],
  [{ description: 7 }, /description must be a string/],
  [{ coalescing: null }, /coalescing must be an object with slot, windowMs, key, merge/],
  [{ coalescing: { ...coalescing, maxMs: 1 } }, /coalescing has no field maxMs/],
  [{ coalescing: { ...coalescing, merge: async () => ({}) } }, /merge must be a function that is not async/],
  [{ endsCoalescing: true }, /endsCoalescing must be an object with slot, key/],
  [{ endsCoalescing: { slot: 'orders', key, room: 'r' } }, /endsCoalescing has no field room/],
  [{ indicator: null, replay: { mode: 'none' } }, /indicator must be an object with name/],
  [{ indicator: { ...indicator, expires: 1 }, replay: { mode: 'none' } }, /indicator has no field expires/],
  [{ coalescing: { ...coalescing, windowMs: 0 } }, /windowMs/],
  [{ coalescing: { ...coalescing, windowMs: -1 } }, /windowMs/],
  [{ coalescing: { ...coalescing, slot: 'a:b' } }, /slot/],
  [{ coalescing: { ...coalescing, key: undefined } }, /key/],
  [{ coalescing: { ...coalescing, merge: undefined } }, /merge/],
  [{ endsCoalescing: { slot: '', key } }, /slot/],
  [{ endsCoalescing: { slot: 'orders' } }, /key/],
  [{ coalescing, endsCoalescing: { slot: 'orders', key } }, /both/],
  [{ indicator: { ...indicator, name: 'A' }, replay: { mode: 'none' } }, /indicator\.name/],
  [{ indicator: { ...indicator, isShown: 1 }, replay: { mode: 'none' } }, /isShown/],
  [{ indicator: { ...indicator, user: undefined }, replay: { mode: 'none' } }, /user/],
  [{ indicator: { ...indicator, payload: undefined }, replay: { mode: 'none' } }, /payload/],
  [{ indicator: { ...indicator, expiresAfterMs: 0 }, replay: { mode: 'none' } }, /expiresAfterMs/],
  [{ indicator, replay: { mode: 'all' } }, /replay/],
  [{ indicator, coalescing, replay: { mode: 'none' } }, /coalescing\.slot must be the name of the indicator/],
  [{ indicator, endsCoalescing: { slot: 'orders', key }, replay: { mode: 'none' } }, /both/],
])('an event type declaration with the fields %j is refused', (change, words) => {
  expect(() => defineEventType({ ...type, ...change } as Declaration)).toThrow(invalid(words));
  // `defineCatalog` finds the same mistake in a declaration that was not made with `defineEventType`.
  const eventTypes = [{ ...type, ...change } as Declaration];
  expect(() => defineCatalog({ streams: [stream], eventTypes })).toThrow(invalid(words));
});

test('a catalog is refused if two types of one indicator have different expiry times', () => {
  const first = { ...type, replay: { mode: 'none' }, indicator } as Declaration;
  const second = {
    ...first,
    name: 'order_left',
    indicator: { ...indicator, expiresAfterMs: 2 },
  } as Declaration;
  expect(() => defineCatalog({ streams: [stream], eventTypes: [first, second] })).toThrow(
    invalid(/expires after 1000 ms already, not 2 ms/),
  );
});

test('a catalog with repeated names, an unknown stream, or different windows for one slot is refused', () => {
  const streams = [stream];
  const other = { ...type, name: 'order_gone' };
  const define = (eventTypes: Declaration[]): unknown => defineCatalog({ streams, eventTypes });
  expect(() => define([type, type])).toThrow(invalid(/twice/));
  expect(() => define([type, { ...type, name: 'Order_Placed' }])).toThrow(invalid(/in case only/));
  expect(() => defineCatalog({ ...eventCatalog, openPayloads: 'all' as 'any' })).toThrow(
    invalid(/openPayloads/),
  );
  expect(() => defineCatalog({ ...eventCatalog, eventIdRule: 'uuid-v7' as 'uuid' })).toThrow(
    invalid(/eventIdRule/),
  );
  expect(() => defineCatalog({ streams: [stream, stream], eventTypes: [] })).toThrow(invalid(/twice/));
  expect(() => define([{ ...type, stream: 'events:chat' }])).toThrow(invalid(/no stream/));
  expect(() =>
    define([
      { ...type, coalescing },
      { ...other, coalescing: { ...coalescing, windowMs: 50 } },
    ]),
  ).toThrow(invalid(/window of 100 ms already, not 50 ms/));
  expect(() =>
    define([
      { ...type, coalescing },
      { ...other, coalescing },
    ]),
  ).not.toThrow();
});

test.each([
  [undefined, /a catalog must be an object with the lists streams and eventTypes/],
  [{ streams: undefined }, /streams must be a list of streams/],
  [{ streams: ['events:orders'] }, /a stream must be an object/],
  [{ streams: [undefined] }, /a stream must be an object/],
  [{ eventTypes: { order_placed: type } }, /eventTypes must be a list of event types/],
  [{ eventTypes: [undefined] }, /an event type must be an object/],
  [{ eventIdRules: 'text' }, /a catalog has no field eventIdRules: did you mean eventIdRule\?/],
])('a catalog with the fields %j is refused', (change, words) => {
  const declarations = change && { streams: [stream], eventTypes: [type], ...change };
  expect(() => defineCatalog(declarations as Parameters<typeof defineCatalog>[0])).toThrow(invalid(words));
});

test('the built-in catalog and its declarations are frozen', () => {
  expect(Object.isFrozen(eventCatalog)).toBe(true);
  expect(Object.isFrozen(eventCatalog.eventTypes)).toBe(true);
  for (const declaration of eventCatalog.eventTypes) expect(Object.isFrozen(declaration)).toBe(true);
});

test('an event type with a misspelt field is refused, with the name that was meant', () => {
  const misspelt = { ...type, coalesing: { slot: 'typing' } } as Declaration;
  expect(() => defineCatalog({ streams: [stream], eventTypes: [misspelt] })).toThrow(
    invalid(/no field coalesing: did you mean coalescing\?/),
  );
});
