// A messenger whose messages are bytes, such as encrypted texts, for a user or a channel. Its backend writes
// XADD messenger * kind message to channel:general from ana id m-1 body aGVsbG8=
// Clients with JSON receive the body as base64 text, and clients with MessagePack as bytes. Serve it with
// npx millrace serve --dev --app ./binary-messages.mjs
import { defineCatalog, defineEventType, defineStream, Type } from '@millrace/contract';
import { defineApp, defineGroupCalls, defineView } from '@millrace/gateway';

const about = { id: Type.String(), from: Type.String() };
const bytes = Type.String({ contentEncoding: 'base64', pattern: '^[A-Za-z0-9+/]*={0,2}$' });
const payloads = {
  message: Type.Object({ ...about, body: bytes }),
  edit: Type.Object({ ...about, body: bytes }),
  delete: Type.Object(about),
  reaction: Type.Object({ ...about, emoji: Type.String() }),
};
const stored = { stream: 'messenger', lane: 'high', maxAgeMs: null, replay: { mode: 'all' } };
const catalog = defineCatalog({
  streams: [defineStream({ name: 'messenger', maxLength: 50_000 })],
  eventTypes: [
    ...Object.entries(payloads).map(([name, payload]) => defineEventType({ name, payload, ...stored })),
    defineGroupCalls({ name: 'group_call', stream: 'messenger' }),
  ],
});

const withBody = (method) => ({
  method,
  arguments: ({ payload: { id, from, body } }) => [id, from, Buffer.from(body, 'base64')],
});
const roomOf = (channel) => `channel:${channel}`;
const tell = (caller, room, method) =>
  caller.sendToOthers({ group: 'room', room }, method, caller.user.userId);

const messenger = defineView({
  catalog,
  path: '/hubs/messenger',
  groupCalls: 'group_call',
  clientMethods: ['Joined', 'Left'],
  sends: {
    message: withBody('Message'),
    edit: withBody('Edited'),
    delete: { method: 'Deleted', arguments: ({ payload: { id, from } }) => [id, from] },
    reaction: { method: 'Reacted', arguments: ({ payload: { id, from, emoji } }) => [id, from, emoji] },
  },
  methods: {
    async Join(caller, channel) {
      const room = roomOf(channel);
      await caller.join('room', room);
      caller.state.set(room, 'joined');
      await tell(caller, room, 'Joined');
    },
    Members: async (caller, channel) => (await caller.members(roomOf(channel))).members,
  },
  onDisconnected: (caller) => Promise.all([...caller.state.keys()].map((room) => tell(caller, room, 'Left'))),
});

const examples = [{ kind: 'message', to: 'user:bob', from: 'ana', id: 'm-1', body: 'aGVsbG8=' }];
const entries = { fields: { event_type: 'kind', room_id: 'to' }, flatPayload: true, examples };
export default defineApp({ name: 'messenger', catalog, views: [messenger], intake: { messenger: entries } });
