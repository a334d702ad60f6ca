// A program that names the client method in each message, and the user who receives it. It writes one Redis field:
// XADD notifications * message '{"UserId":"ana","Type":"order","Method":"OrderShipped","Payload":{"Id":7}}'
// Everybody receives a message with the user "*". Serve it with
// npx millrace serve --dev --app ./method-per-message.mjs
import { defineCatalog, defineEventType, defineStream, Type } from '@millrace/contract';
import { defineApp, defineView } from '@millrace/gateway';

const catalog = defineCatalog({
  streams: [defineStream({ name: 'notifications', maxLength: 10_000 })],
  eventTypes: [
    defineEventType({
      name: 'call',
      description: 'A call of a client method.',
      payload: Type.Object({
        Method: Type.String({ minLength: 1, maxLength: 128 }),
        Payload: Type.Unknown(),
      }),
      stream: 'notifications',
      lane: 'high',
      maxAgeMs: null,
      replay: { mode: 'all' },
    }),
  ],
});

const notifications = defineView({
  catalog,
  path: '/hubs/notifications',
  sends: {
    call: ({ payload }, written) => [{ method: payload.Method, arguments: [written.member('Payload')] }],
  },
});

export default defineApp({
  name: 'method-per-message',
  catalog,
  views: [notifications],
  intake: {
    notifications: {
      jsonField: 'message',
      fields: { event_type: { default: 'call' }, room_id: 'UserId' },
      // The payload is all of the message but its user.
      flatPayload: true,
      // A user has a room of this name. The user "*" stays the room of everybody.
      room: 'user:{room_id}',
      examples: [
        { message: '{"UserId":"ana","Type":"order","Method":"OrderShipped","Payload":{"Id":7}}' },
        { message: '{"UserId":"*","Type":"system","Method":"Maintenance","Payload":"at 22:00"}' },
      ],
    },
  },
});
