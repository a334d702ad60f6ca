// An application module for the clients of an ASP.NET Core hub. They call JoinTicket("42") and receive MessageAdded. Serve it with
// MILLRACE_REDIS_URL=redis://localhost:6379 npx millrace serve --dev --app ./app.mjs
import { defineCatalog, defineEventType, defineStream, Type } from '@millrace/contract';
import { defineApp, defineView } from '@millrace/gateway';

const catalog = defineCatalog({
  streams: [defineStream({ name: 'app:messages', maxLength: 10_000 })],
  eventTypes: [
    defineEventType({
      name: 'message_added',
      payload: Type.Object({ text: Type.String() }),
      stream: 'app:messages',
      lane: 'high',
      maxAgeMs: null,
      replay: { mode: 'all' },
    }),
  ],
});

const tickets = defineView({
  catalog,
  path: '/hubs/tickets',
  sends: { message_added: { method: 'MessageAdded' } },
  methods: { JoinTicket: { join: 'room', room: (_caller, id) => `ticket-${String(id)}` } },
});

export default defineApp({
  name: 'tickets',
  catalog,
  views: [tickets],
  intake: {
    'app:messages': {
      fields: {
        event_type: { from: 'kind', values: { MessageAdded: 'message_added' } },
        room_id: 'ticket',
        payload: 'data',
      },
      room: 'ticket-{room_id}',
      examples: [{ kind: 'MessageAdded', ticket: '42', data: '{"text":"Hello"}' }],
    },
  },
});
