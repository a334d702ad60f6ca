// A program with colons in its event types. What concerns everybody is in one stream, and each chat has a stream of its own:
// XADD events:global * type user:online user ana
// XADD events:chat:42 * type message:new user ana text Hello
// The clients call Enter(chat), and have handlers for the types. Serve it with
// npx millrace serve --dev --app ./stream-per-room.mjs
import { defineCatalog, defineEventType, defineStream, Type } from '@millrace/contract';
import { defineApp, defineView } from '@millrace/gateway';

const user = Type.String();
const types = {
  'user:online': { stream: 'events:global', payload: Type.Object({ user }) },
  'user:offline': { stream: 'events:global', payload: Type.Object({ user }) },
  'message:new': { stream: 'chats', payload: Type.Object({ user, text: Type.String() }) },
  'message:deleted': { stream: 'chats', payload: Type.Object({ user }) },
};
const rules = { lane: 'high', maxAgeMs: null, replay: { mode: 'all' } };
const catalog = defineCatalog({
  streams: [
    defineStream({ name: 'events:global', maxLength: 10_000 }),
    defineStream({ name: 'chats', maxLength: 100_000 }),
  ],
  eventTypes: Object.entries(types).map(([name, type]) => defineEventType({ name, ...type, ...rules })),
});

const roomOf = (chat) => `chat-${chat}`;

const live = defineView({
  catalog,
  path: '/hubs/live',
  // A client that keeps the last position of a chat passes it to Enter, and receives what it has missed.
  appendsPosition: true,
  sends: Object.fromEntries(Object.keys(types).map((method) => [method, { method }])),
  methods: {
    Enter: (caller, chat, after) => caller.join('room', roomOf(chat), after),
    Leave: (caller, chat) => caller.leave('room', roomOf(chat)),
  },
});

export default defineApp({
  name: 'stream-per-room',
  catalog,
  views: [live],
  intake: {
    // The room "*" is that of everybody: every client is in it from the start.
    'events:global': { fields: { event_type: 'type', room_id: { default: '*' } }, flatPayload: true },
    'events:chat:*': {
      into: 'chats',
      fields: { event_type: 'type' },
      flatPayload: true,
      room: 'chat-{*}',
      examples: [{ type: 'message:new', user: 'ana', text: 'Hello' }],
    },
  },
});
