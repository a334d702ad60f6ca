// A wrong rule is refused at start. The message names its path and what it must be.
import { expect, test } from 'vitest';
import { type Application, defineApp } from '../../src/application/application.js';
import { checkApplication } from '../../src/application/check-application.js';
import { describeApplication } from '../../src/application/describe-application.js';
import { resolveOptions } from '../../src/settings/resolve-options.js';

function refusalOf(intake: unknown): string {
  try {
    checkApplication({ intake }, 'app.mjs');
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('the rules were accepted');
}

const rule = (part: unknown): unknown => ({ 'events:chat': part });

test.each<[string, unknown, string]>([
  ['a list of rules', [], 'app.mjs: intake must be an object, not [].'],
  [
    'a stream that is not in the catalog',
    { 'events:chats': {} },
    'app.mjs: intake["events:chats"] is not a stream of the catalog: did you mean events:chat?',
  ],
  [
    'a rule that is not an object',
    rule('message'),
    'app.mjs: intake["events:chat"] must be an object, not "message".',
  ],
  [
    'a misspelt part',
    rule({ renames: {} }),
    'app.mjs: intake["events:chat"].renames is not a part of a rule: did you mean rename?',
  ],
  [
    'a part of an event that does not exist',
    rule({ fields: { room: 'r' } }),
    'app.mjs: intake["events:chat"].fields.room is not a part of a rule: did you mean room_id?',
  ],
  [
    'a name that is not a string',
    rule({ fields: { room_id: { from: 7 } } }),
    'app.mjs: intake["events:chat"].fields.room_id.from must be a string of 1 or more characters, not 7.',
  ],
  [
    'a member of an unknown kind',
    rule({ flatPayload: { count: 'integer' } }),
    'app.mjs: intake["events:chat"].flatPayload.count must be "text", "number", "boolean" or "json", not "integer".',
  ],
  [
    'a default that JSON cannot represent',
    rule({ defaults: { at: undefined } }),
    'app.mjs: intake["events:chat"].defaults.at must be a value that JSON can represent, not undefined.',
  ],
  [
    'a default from a place that does not exist',
    rule({ defaultsFrom: { at: 'created' } }),
    'app.mjs: intake["events:chat"].defaultsFrom.at must be event_id, event_type, timestamp, room_id or a path such as payload.updated_by.username, not "created".',
  ],
  [
    'an event type that is not in the catalog',
    rule({ types: { chat_mesage: {} } }),
    'app.mjs: intake["events:chat"].types.chat_mesage is not an event type of the catalog: did you mean chat_message?',
  ],
  [
    'a step of a type that is only a part of a rule',
    rule({ types: { notification: { jsonField: 'x' } } }),
    'app.mjs: intake["events:chat"].types.notification.jsonField is not a part of a rule: there are snakeCase, rename, defaultsFrom, defaults, timestamps, room.',
  ],
  [
    'a room without a name in braces',
    rule({ room: 'lobby' }),
    'app.mjs: intake["events:chat"].room must be a string such as user:{room_id}, not "lobby".',
  ],
  [
    'a pattern without a target',
    { 'chat:*': {} },
    'app.mjs: intake["chat:*"] is a pattern, so it needs `into`: the stream into which its entries are copied.',
  ],
  [
    'a pattern with a target that is not in the catalog',
    { 'chat:*': { into: 'chat' } },
    'app.mjs: intake["chat:*"].into must be a stream of the catalog that no other system owns (events:chat, events:ticket, events:notification, events:remote), not "chat".',
  ],
  [
    'two patterns with one target',
    { 'chat:*': { into: 'events:chat' }, 'room:*': { into: 'events:chat' } },
    'app.mjs: intake["room:*"].into must be a stream of its own: another pattern copies into "events:chat".',
  ],
  [
    'a pattern with a star in the middle',
    { 'chat:*:x': { into: 'events:chat' } },
    'app.mjs: intake["chat:*:x"] must be a name that ends with its only *, and has before it 1 to 127 of A to Z, a to z, digits and _ . : -, such as events:chat:*.',
  ],
  [
    'a target of a rule that is not a pattern',
    rule({ into: 'events:chat' }),
    'app.mjs: intake["events:chat"].into is only for patterns: leave it out, or let the name of the rule end with *.',
  ],
  [
    'a map that is not a function',
    rule({ map: {} }),
    'app.mjs: intake["events:chat"].map must be a function, not an object.',
  ],
  [
    'a map that is async',
    rule({ map: async () => ({}) }),
    'app.mjs: intake["events:chat"].map must be a function, not an async function or a generator.',
  ],
  [
    'a map of rules',
    new Map([['events:chat', {}]]),
    'app.mjs: intake must be an object, not an instance of Map.',
  ],
  ...[Number.NaN, new Map([['a', 1]]), { deep: [1n] }].map((value, index): [string, unknown, string] => [
    `the default number ${index + 1} that would become another value`,
    rule({ defaults: { at: value } }),
    `app.mjs: intake["events:chat"].defaults.at must be a value that JSON can represent, not ${['NaN', 'an instance of Map', 'an object'][index]}.`,
  ]),
  [
    'a star in the room of a stream without one',
    rule({ types: { notification: { room: 'user:{*}' } } }),
    'app.mjs: intake["events:chat"].types.notification.room has {*}, which only the rule of a pattern can fill.',
  ],
  [
    'a unit of a part that is not a timestamp',
    rule({ fields: { event_id: { unit: 's' } } }),
    'app.mjs: intake["events:chat"].fields.event_id.unit must be left out: only timestamp may have it.',
  ],
  [
    'one event ID for all entries',
    rule({ fields: { event_id: { default: 'x' } } }),
    'app.mjs: intake["events:chat"].fields.event_id.default must be left out: only event_type, timestamp, room_id, payload, metadata may have it.',
  ],
  [
    'a default payload that is not JSON text',
    rule({ fields: { payload: { default: 'none' } } }),
    'app.mjs: intake["events:chat"].fields.payload.default must be JSON text, not "none".',
  ],
  [
    'a place of the payload beside a flat payload',
    rule({ fields: { payload: 'data' }, flatPayload: true }),
    'app.mjs: intake["events:chat"].fields.payload has no effect with flatPayload, which makes the payload of all other fields: leave one of them out.',
  ],
  [
    'a value that stands for an unknown event type',
    rule({ fields: { event_type: { values: { Note: 'notificaton' } } } }),
    'app.mjs: intake["events:chat"].fields.event_type.values["Note"] is not an event type of the catalog ("notificaton"): did you mean notification?',
  ],
  [
    'a default timestamp that is not one',
    rule({ fields: { timestamp: { default: 'now' } } }),
    'app.mjs: intake["events:chat"].fields.timestamp.default must be an ISO 8601 date-time, not "now": without it, an entry has the time of its entry ID.',
  ],
  [
    'a default room that is not one',
    rule({ fields: { room_id: { default: '\n' } } }),
    'app.mjs: intake["events:chat"].fields.room_id.default must be a room ID, not "\\n".',
  ],
  [
    'an example for which map returns a misspelt part',
    rule({ map: () => ({ roomId: 'r' }), examples: [{}] }),
    'app.mjs: intake["events:chat"].examples[0] becomes no event: map returned a member that is not a part of an event: the parts are event_id, event_type, timestamp, room_id, payload, metadata.',
  ],
  [
    'an example whose field is not a string',
    rule({ examples: [{ n: 1 }] }),
    'app.mjs: intake["events:chat"].examples[0].n must be a string, not 1.',
  ],
  [
    'an example that becomes no event',
    rule({ jsonField: 'message', examples: [{ message: '{}' }] }),
    'app.mjs: intake["events:chat"].examples[0] becomes no event: /payload must be present, got nothing.',
  ],
  [
    'an example for which map throws',
    rule({
      map: () => {
        throw new Error('no such user');
      },
      examples: [{}],
    }),
    'app.mjs: intake["events:chat"].examples[0] becomes no event: map threw Error: no such user.',
  ],
])('%s is refused', (_, intake, message) => {
  expect(refusalOf(intake)).toBe(message);
});

test('constants that another part of the rule replaces are accepted', () => {
  const replaced = {
    fields: {
      event_type: { default: 'note', values: { note: 'notification' } },
      timestamp: { default: '1768557600', unit: 's' },
      room_id: { default: '\n' },
      payload: { default: '{"title":"none"}' },
    },
    room: 'lobby-{title}',
    examples: [{}],
  };
  expect(checkApplication({ intake: rule(replaced) }, 'app.mjs')).toMatchObject({ intake: rule(replaced) });
  const mapped = { fields: { event_type: { default: 'note' } }, map: () => ({ event_type: 'notification' }) };
  expect(checkApplication({ intake: rule(mapped) }, 'app.mjs')).toMatchObject({ intake: rule(mapped) });
});

test('a gateway without Redis refuses a pattern of streams', () => {
  const app = defineApp({ intake: { 'chat:*': { into: 'events:chat' } } });
  expect(() => resolveOptions({ app, isDevelopment: true }, 'gateway-1')).toThrow(
    'The application takes in streams by a pattern, which needs MILLRACE_REDIS_URL.',
  );
});

test('the description of an application shows each example entry before and after', () => {
  const app: Application = defineApp({
    name: 'desk',
    intake: {
      'events:notification': {
        jsonField: 'message',
        fields: { event_type: { default: 'notification', values: { ping: null } }, room_id: 'UserId' },
        flatPayload: true,
        room: 'user:{room_id}',
        examples: [{ message: '{"UserId":7,"title":"Hi"}' }, { message: '{"event_type":"ping"}' }],
      },
    },
  });
  const text = describeApplication(checkApplication(app, 'app.mjs'));
  expect(text.split('\n').slice(-14)).toEqual([
    'entries of other programs: in events:notification',
    '',
    'events:notification, before:',
    '  message: {"UserId":7,"title":"Hi"}',
    'after:',
    expect.stringMatching(/^ {2}event_id: [0-9a-f-]{36}$/),
    '  event_type: notification',
    '  timestamp: 2026-01-16T10:00:00.000Z',
    '  room_id: user:7',
    '  payload: {"title":"Hi"}',
    '',
    'events:notification, before:',
    '  message: {"event_type":"ping"}',
    'after: no event',
  ]);
});
