// The text that a gateway in development mode prints: its commands can be pasted, whatever the catalog and the secrets are.
import {
  type AnyCatalog,
  defineCatalog,
  defineEventType,
  defineStream,
  eventCatalog,
  Type,
} from '@millrace/contract';
import { describe, expect, test } from 'vitest';
import { sampleEventOf } from '../../src/commands/sample-event.js';
import { type WelcomeFacts, welcomeText } from '../../src/commands/welcome.js';

const facts: WelcomeFacts = {
  url: 'http://127.0.0.1:4400',
  brokerKind: 'memory',
  catalog: eventCatalog,
  needsToken: false,
  needsKey: false,
};

function catalogWith(payload: Parameters<typeof defineEventType>[0]['payload']): AnyCatalog {
  const type = { description: 'A test.', stream: 'events:shop', lane: 'high', maxAgeMs: null } as const;
  return defineCatalog({
    streams: [defineStream({ name: 'events:shop', maxLength: 1_000 })],
    eventTypes: [defineEventType({ ...type, name: 'order_placed', payload, replay: { mode: 'all' } })],
  });
}

test('the welcome text names the address, the mode, the broker and the event types, and says how to stop', () => {
  const text = welcomeText(facts);
  for (const part of [facts.url, 'development', 'users need no token', 'in memory', 'chat_message', 'Ctrl+C'])
    expect(text).toContain(part);
  expect(text).not.toContain('$');
});

test('the commands of the welcome text pass a token and a key if they are configured, and say where both come from', () => {
  const text = welcomeText({ ...facts, needsToken: true, needsKey: true });
  expect(text).toMatch(/users need a token/);
  expect(text).toMatch(/^ {2}TOKEN=\$\(npx --no millrace token .*MILLRACE_JWT_SECRET$/m);
  expect(text).toMatch(/^ {2}npx --no millrace tail .* --token "\$TOKEN"$/m);
  expect(text).toMatch(/^ {2}KEY=.*MILLRACE_API_KEYS$/m);
  expect(text).toMatch(/^ {2}curl .*-H "authorization: Bearer \$KEY"/m);
});

describe('the event that the text publishes', () => {
  test.each<[string, Parameters<typeof catalogWith>[0]]>([
    [
      'texts and numbers with bounds',
      Type.Object({ a: Type.String({ minLength: 9 }), b: Type.Integer({ minimum: 7 }) }),
    ],
    ['formats', Type.Object({ a: Type.String({ format: 'uuid' }), b: Type.String({ format: 'date-time' }) })],
    [
      'alternatives',
      Type.Object({ a: Type.Union([Type.Literal('new'), Type.Literal('old')]), b: Type.Null() }),
    ],
    [
      'lists and objects',
      Type.Object({ a: Type.Array(Type.Object({ b: Type.Boolean() }), { minItems: 2 }) }),
    ],
    ['optional fields only', Type.Object({ a: Type.Optional(Type.String()) })],
  ])('a made-up payload with %s matches the schema of its type', (_, payload) => {
    const catalog = catalogWith(payload);
    const event = sampleEventOf(catalog, 'demo');
    expect(event).toMatchObject({ event_type: 'order_placed', room_id: 'demo' });
    expect(catalog.parsePayload('order_placed', event?.payload)).toMatchObject({ ok: true });
    expect(welcomeText({ ...facts, catalog })).toMatch(/curl .*order_placed/);
  });

  test('the welcome text has no command to publish if no payload can be made up', () => {
    const catalog = catalogWith(Type.Object({ code: Type.String({ pattern: '^[A-Z]{3}-\\d{4}$' }) }));
    expect(sampleEventOf(catalog, 'demo')).toBeUndefined();
    expect(welcomeText({ ...facts, catalog })).not.toMatch(/curl/);
  });

  test('the event that the welcome text publishes with the built-in catalog is valid', () => {
    const event = sampleEventOf(eventCatalog, 'demo');
    expect(eventCatalog.parsePayload('notification', event?.payload)).toMatchObject({ ok: true });
  });
});
