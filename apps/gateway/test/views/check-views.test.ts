// A view with a wrong part is refused. The message has the path of the part and its rule.
import { defineCatalog, defineEventType, defineStream, Type } from '@millrace/contract';
import { expect, test } from 'vitest';
import { defineApp } from '../../src/application/application.js';
import { checkApplication } from '../../src/application/check-application.js';
import { describeApplication } from '../../src/application/describe-application.js';
import { defineGroupCalls } from '../../src/views/group-calls.js';
import { defineView } from '../../src/views/view.js';

const otherCatalog = defineCatalog({
  streams: [defineStream({ name: 'events:orders', maxLength: 500 })],
  eventTypes: [
    defineEventType({
      name: 'order_shipped',
      payload: Type.Object({}),
      stream: 'events:orders',
      lane: 'medium',
      maxAgeMs: null,
      replay: { mode: 'all' },
    }),
  ],
});

function faultOf(...views: readonly unknown[]): string {
  try {
    checkApplication({ views }, 'app.mjs');
  } catch (error) {
    expect(error).toMatchObject({ name: 'GatewayError', code: 'invalid_configuration' });
    return (error as Error).message;
  }
  throw new Error('the application was accepted');
}

const path = '/hubs/chat';

test.each<[string, unknown, string]>([
  ['a string', 'chat', 'app.mjs: views[0]: a view is the result of defineView({ … }), not "chat".'],
  [
    'a view without a path',
    {},
    'app.mjs: views[0]: path must be a path that begins with /hubs/, such as /hubs/chat, has only a to z, digits and _ . ~ - between its slashes, does not end with /negotiate, and is not /hubs/events, not undefined.',
  ],
  [
    'a view with the path of the gateway’s own hub',
    { path: '/hubs/Events' },
    'app.mjs: views[0]: path must be a path that begins with /hubs/, such as /hubs/chat, has only a to z, digits and _ . ~ - between its slashes, does not end with /negotiate, and is not /hubs/events, not "/hubs/Events".',
  ],
  ...['/hubs/../chat', '/hubs/chat/.', '/hubs//chat', '/hubs/chat/', '/hubs/chat/Negotiate', '/hubs/Ä'].map(
    (wrong): [string, unknown, string] => [
      `the path ${wrong}`,
      { path: wrong },
      `app.mjs: views[0]: path must be a path that begins with /hubs/, such as /hubs/chat, has only a to z, digits and _ . ~ - between its slashes, does not end with /negotiate, and is not /hubs/events, not "${wrong}".`,
    ],
  ),
  [
    'a map of methods',
    { path, methods: new Map([['Join', { join: 'room' }]]) },
    'app.mjs: views[0]: methods must be an object with a member per name, not an instance of Map.',
  ],
  [
    'an instance of a class with methods',
    {
      path,
      methods: new (class ChatMethods {
        Hello = (): string => 'hello';
      })(),
    },
    'app.mjs: views[0]: methods must be an object with a member per name, not an instance of ChatMethods.',
  ],
  [
    'a message whose arguments an async function makes',
    { path, sends: { chat_message: { method: 'A', arguments: async () => [] } } },
    'app.mjs: views[0] (/hubs/chat): sends.chat_message.arguments must be "payload", "event" or a function, not an async function or a generator.',
  ],
  [
    'messages that an async function makes',
    { path, sends: { chat_message: async () => [] } },
    'app.mjs: views[0] (/hubs/chat): sends.chat_message must be an object or a function, not an async function or a generator.',
  ],
  [
    'a join whose room an async function names',
    { path, methods: { JoinRoom: { join: 'room', room: async () => 'r' } } },
    'app.mjs: views[0] (/hubs/chat): methods.JoinRoom.room must be a function, not an async function or a generator.',
  ],
  [
    'a list of rules',
    { path, sends: [{ method: 'A' }] },
    'app.mjs: views[0]: sends must be an object with a member per name, not [an object].',
  ],
  [
    'a method without a name',
    { path, methods: { '': () => 1 } },
    'app.mjs: views[0] (/hubs/chat): the name of a method must be a string of 1 to 128 characters, not "".',
  ],
  [
    'more messages for an event than a queue takes',
    { path, sends: { chat_message: Array.from({ length: 17 }, () => ({ method: 'A' })) } },
    'app.mjs: views[0] (/hubs/chat): sends.chat_message must be at most 16 messages, not 17.',
  ],
  [
    'a misspelt part',
    { path, method: {} },
    'app.mjs: views[0]: method is not an option: did you mean methods?',
  ],
  [
    'a view of another catalog',
    { path, catalog: otherCatalog },
    'app.mjs: views[0] (/hubs/chat): catalog must be the catalog of the application.',
  ],
  [
    'a misspelt event type',
    { path, sends: { chat_mesage: { method: 'ReceiveMessage' } } },
    'app.mjs: views[0] (/hubs/chat): sends.chat_mesage is not an event type of the catalog: did you mean chat_message?',
  ],
  [
    'a message without a method',
    { path, sends: { chat_message: [{ method: 'A' }, {}] } },
    'app.mjs: views[0] (/hubs/chat): sends.chat_message[1].method must be a string of 1 to 128 characters, not undefined.',
  ],
  [
    'a message to a group that is not declared',
    { path, groups: ['desk', 'user'], sends: { chat_message: { group: 'usr', method: 'A' } } },
    'app.mjs: views[0] (/hubs/chat): sends.chat_message.group must be a group of the view (desk, user), not "usr".',
  ],
  [
    'a message with wrong arguments',
    { path, sends: { chat_message: { method: 'A', arguments: ['payload'] } } },
    'app.mjs: views[0] (/hubs/chat): sends.chat_message.arguments must be "payload", "event" or a function, not ["payload"].',
  ],
  [
    'a method that is not a function',
    { path, methods: { JoinRoom: 'room' } },
    'app.mjs: views[0] (/hubs/chat): methods.JoinRoom must be a function, or an object with join or leave, not "room".',
  ],
  [
    'a join of a group that is not declared',
    { path, methods: { JoinRoom: { join: 'rooms' } } },
    'app.mjs: views[0] (/hubs/chat): methods.JoinRoom.join must be a group of the view (room), not "rooms".',
  ],
  [
    'a reply with a misspelt part',
    { path, methods: { JoinRoom: { join: 'room', reply: { method: 'RoomJoined', argument: () => [] } } } },
    'app.mjs: views[0] (/hubs/chat): methods.JoinRoom.reply.argument is not an option: did you mean arguments?',
  ],
  [
    'two methods with the same name',
    { path, methods: { joinRoom: () => {}, JoinRoom: () => {} } },
    'app.mjs: views[0] (/hubs/chat): methods.JoinRoom is declared twice: upper and lower case do not count.',
  ],
  [
    'a notice without use',
    { path, notices: { position: 'Position' } },
    'app.mjs: views[0] (/hubs/chat): notices.position is of use only with appendsPosition: true.',
  ],
])('%s is not a view', (_, view, message) => {
  expect(faultOf(view)).toBe(message);
});

test('`standing` may name only groups of the view', () => {
  expect(faultOf({ path, groups: ['request', 'user'], standing: ['request', 'users'] as never })).toBe(
    'app.mjs: views[0] (/hubs/chat): standing[1] must be a group of the view (request, user), not "users".',
  );
  expect(faultOf({ path, standing: 'room' as never })).toBe(
    'app.mjs: views[0]: standing must be a list of groups of the view, not "room".',
  );
});

test('group calls need an event type that is made for them', () => {
  expect(faultOf({ path, groupCalls: 'chat_message' })).toBe(
    'app.mjs: views[0] (/hubs/chat): groupCalls must be an event type of the catalog that defineGroupCalls has made, not "chat_message".',
  );
});

test('group calls need client methods to call, and no messages of their own', () => {
  const streams = [defineStream({ name: 'events:calls', maxLength: 100 })];
  const catalog = defineCatalog({
    streams,
    eventTypes: [defineGroupCalls({ name: 'call', stream: 'events:calls' })],
  });
  const refusal =
    (view: object): unknown =>
    () =>
      checkApplication({ catalog, views: [{ path, groupCalls: 'call', ...view }] }, 'app.mjs');
  expect(refusal({})).toThrow('clientMethods must name the client methods that groupCalls may call.');
  expect(refusal({ clientMethods: ['Ring'], sends: { call: { method: 'Ring' } } })).toThrow(
    'sends.call must be left out, because groupCalls names this type: its events are calls.',
  );
});

test('two views cannot have the same path', () => {
  expect(faultOf({ path }, { path: '/hubs/Chat' })).toBe(
    'app.mjs: views[1] (/hubs/Chat): another view has this path.',
  );
});

test('the description of an application lists its hubs with their methods and messages', () => {
  const view = defineView({
    path,
    groups: ['request', 'user'],
    standing: ['user'],
    appendsPosition: true,
    sends: {
      chat_message: { method: 'ReceiveMessage' },
      notification: [{ group: 'user', method: 'Notification', arguments: 'event' }, { method: 'Alert' }],
      typing_start: (event) => [{ method: 'Typing', arguments: [event.payload.user_id] }],
    },
    methods: {
      JoinRoom: { join: 'request', reply: 'RoomJoined' },
      LeaveRoom: { leave: 'request', reply: { method: 'RoomLeft' } },
      Ping: () => 'pong',
    },
    onConnected: () => {},
    notices: { resync: 'Reload' },
  });
  const application = checkApplication(defineApp({ views: [view] }), 'app.mjs');
  expect(describeApplication(application)).toContain(`

hub /hubs/chat (groups request, user; in the rooms from the start as user; messages end with their position)
  method  JoinRoom: joins request, replies RoomJoined
  method  LeaveRoom: leaves request, replies RoomLeft
  method  Ping
  send    chat_message → ReceiveMessage(payload)
  send    notification → Notification(event) to user
  send    notification → Alert(payload)
  send    typing_start → by a function
  hook    onConnected
  notice  resync → Reload`);
});
