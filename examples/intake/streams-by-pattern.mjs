// An application module for a program that has one stream per room. Check it with
// npx millrace check --app ./streams-by-pattern.mjs
import { defineCatalog, defineEventType, defineStream, Type } from '@millrace/contract';
import { defineApp } from '@millrace/gateway';

export default defineApp({
  name: 'stream-per-room',
  catalog: defineCatalog({
    streams: [defineStream({ name: 'rooms', maxLength: 50_000 })],
    eventTypes: [
      defineEventType({
        name: 'message:new',
        payload: Type.Object({ text: Type.String() }),
        stream: 'rooms',
        lane: 'high',
        maxAgeMs: null,
        replay: { mode: 'all' },
      }),
    ],
  }),
  intake: {
    // XADD events:chat:42 * type message:new text Hello
    'events:chat:*': {
      into: 'rooms',
      fields: { event_type: 'type' },
      flatPayload: true,
      room: 'chat-{*}',
      examples: [{ type: 'message:new', text: 'Hello' }],
    },
  },
});
