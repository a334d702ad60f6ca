// An application with a wrong part is refused. The message names the part and its rule.
import { defineCatalog, defineEventType, defineStream, Type } from '@millrace/contract';
import { expect, test } from 'vitest';
import { defineApp } from '../../src/application/application.js';
import { checkApplication } from '../../src/application/check-application.js';
import { describeApplication } from '../../src/application/describe-application.js';
import { GatewayError } from '../../src/errors.js';
import { resolveOptions } from '../../src/settings/resolve-options.js';

const catalog = defineCatalog({
  streams: [defineStream({ name: 'events:orders', maxLength: 500 })],
  eventTypes: [
    defineEventType({
      name: 'order_shipped',
      payload: Type.Object({ id: Type.String() }),
      stream: 'events:orders',
      lane: 'medium',
      maxAgeMs: 60_000,
      replay: { mode: 'all' },
    }),
  ],
});

function refusalOf(value: unknown): string {
  try {
    checkApplication(value, 'app.mjs');
  } catch (error) {
    expect(error).toBeInstanceOf(GatewayError);
    expect(error).toMatchObject({ code: 'invalid_configuration' });
    return (error as GatewayError).message;
  }
  throw new Error('the application was accepted');
}

test.each<[string, unknown, string]>([
  ['a function', () => ({}), 'app.mjs: an application is the result of defineApp({ … }), not a function.'],
  ['nothing', undefined, 'app.mjs: an application is the result of defineApp({ … }), not undefined.'],
  [
    'a promise of an application',
    Promise.resolve({}),
    'app.mjs: an application is the result of defineApp({ … }), not a promise of it: await the promise.',
  ],
  ['a list', [], 'app.mjs: an application is the result of defineApp({ … }), not [].'],
  [
    'a name that is not a string',
    { name: 7 },
    'app.mjs: name must be a string of 1 or more characters, not 7.',
  ],
  [
    'a catalog that defineCatalog did not make',
    { catalog: { eventTypes: [] } },
    'app.mjs: catalog must be the result of defineCatalog(), not an object.',
  ],
  ['routes that are not a function', { http: '/orders' }, 'app.mjs: http must be a function, not "/orders".'],
  [
    'an access rule that is not a function',
    { access: { mayEnter: 'claims' } },
    'app.mjs: access: mayEnter must be a function, or \'claim\' to let the claim `rooms` decide, not "claims".',
  ],
  [
    'a misspelt access rule',
    { access: { mayEnterRoom: () => true } },
    'app.mjs: access: mayEnterRoom is not an option: did you mean mayEnter?',
  ],
  [
    'access that is not an object',
    { access: () => true },
    'app.mjs: access must be an object with userOf, mayEnter or both, not a function.',
  ],
  [
    'an example without its text',
    { example: { event: {} } },
    'app.mjs: example must be an object with the text `says` and the object `event`, not an object.',
  ],
  [
    'an example of an unknown type',
    { catalog, example: { says: 'x', event: { event_type: 'order_shiped', room_id: 'r', payload: {} } } },
    'app.mjs: example.event: /event_type must be one of order_shipped; another type must be declared in the catalog, which publishers and gateways share.',
  ],
  [
    'a user that an async function returns',
    { access: { userOf: async () => ({ id: 'a' }) } },
    'app.mjs: access: userOf must be a function, not an async function or a generator.',
  ],
  ['a misspelt part', { catalogue: catalog }, 'app.mjs: catalogue is not an option: did you mean catalog?'],
])('%s is not an application', (_, value, message) => {
  expect(refusalOf(value)).toBe(message);
});

test('an application whose payload schema cannot be compiled is refused with the name of the type', () => {
  const [type] = catalog.eventTypes;
  const payload = Type.Object({ id: Type.String({ pattern: '(' }) });
  const wrong = defineCatalog({ streams: catalog.streams, eventTypes: [{ ...type, payload }] });
  expect(refusalOf({ catalog: wrong })).toBe(
    'app.mjs: catalog: event type "order_shipped": the payload schema cannot be compiled: Invalid regular expression: /(/u: Unterminated group.',
  );
});

const nameless =
  'which JSON does not have: use one of object, array, string, number, integer, boolean, null.';
test.each([
  ['a big integer', Type.Object({ id: Type.BigInt() }), `/payload/id has the type "bigint", ${nameless}`],
  ['nothing', Type.Undefined(), `/payload has the type "undefined", ${nameless}`],
  [
    'a kind that no JSON Schema has',
    Type.Unsafe({ type: 'date' }),
    `/payload has the type "date", ${nameless}`,
  ],
  [
    'one of several functions',
    Type.Union([Type.Function([], Type.Void())]),
    `/payload has the type "function", ${nameless}`,
  ],
  [
    'a symbol in a list',
    Type.Tuple([Type.Number(), Type.Symbol()]),
    `/payload/1 has the type "symbol", ${nameless}`,
  ],
  [
    'a part with nothing',
    Type.Intersect([Type.Object({}), Type.Void()]),
    `/payload has the type "void", ${nameless}`,
  ],
  [
    'a reference to nothing',
    Type.Object({ id: Type.Ref('Id') }),
    '/payload/id refers to a schema "Id" that it does not contain: put both into one Type.Cyclic or Type.Module.',
  ],
])('an application whose payload schema asks for %s is refused', (_, payload, words) => {
  const [type] = catalog.eventTypes;
  const wrong = defineCatalog({ streams: catalog.streams, eventTypes: [{ ...type, payload }] });
  expect(refusalOf({ catalog: wrong })).toBe(
    `app.mjs: catalog: no payload can match the schema of the event type "order_shipped": ${words}`,
  );
});

test.each([
  ['any value', Type.Unknown()],
  ['null', Type.Null()],
  ['a list', Type.Array(Type.Number())],
  ['a text or nothing', Type.Union([Type.String(), Type.Undefined()])],
  ['a member that may be left out', Type.Object({ at: Type.Optional(Type.BigInt()) })],
  ['itself', Type.Cyclic({ Node: Type.Object({ next: Type.Optional(Type.Ref('Node')) }) }, 'Node')],
  ['a schema by hand', Type.Unsafe<{ n: number }>({ type: ['object', 'null'], required: ['n'] })],
])('an application may have payloads that are %s', (_, payload) => {
  const [type] = catalog.eventTypes;
  const other = defineCatalog({ streams: catalog.streams, eventTypes: [{ ...type, payload }] });
  expect(checkApplication({ catalog: other }, 'app.mjs')).toEqual({ catalog: other });
});

test('a gateway serves the catalog of its application', () => {
  const resolved = resolveOptions({ isDevelopment: true, app: defineApp({ catalog }) }, 'gateway-1');
  expect(resolved.catalog).toBe(catalog);
});

test('a gateway with an application refuses a second catalog', () => {
  const options = { isDevelopment: true, catalog, app: defineApp({ catalog }) };
  expect(() => resolveOptions(options, 'gateway-1')).toThrow(/either as the option catalog or/);
});

test('a gateway in normal mode refuses an application for development mode', () => {
  const app = defineApp({ name: 'desk', isForDevelopment: true });
  expect(() => resolveOptions({ app, jwtSecret: 'x'.repeat(32), apiKeys: ['k'.repeat(32)] }, 'g')).toThrow(
    /desk is for development mode only.*MILLRACE_APP.*MILLRACE_DEV/,
  );
});

test('the description of an application lists its event types with their rules', () => {
  const text = describeApplication(defineApp({ name: 'orders', catalog, http: () => undefined }));
  expect(text.split('\n')).toEqual([
    'orders: valid',
    '',
    'event type     stream         lane    coalesced  replay  too old after',
    'order_shipped  events:orders  medium  no         all     60 s',
    '',
    'streams: events:orders (about 500 entries)',
    'event IDs: uuid-v4; payload and metadata: at most 262144 bytes',
    'access: the claims `sub` and `name` name the user; the claim `rooms` opens rooms, or the backend of MILLRACE_ACCESS_URL if it is set',
    'routes of its own: yes',
  ]);
});
