// The application module of the gateway: one stream and one event type of its own.
import { defineCatalog, defineEventType, defineStream, Type } from '@millrace/contract';
import { defineApp } from '@millrace/gateway';

export default defineApp({
  name: 'notes',
  catalog: defineCatalog({
    streams: [defineStream({ name: 'events:notes', maxLength: 10_000 })],
    eventTypes: [
      defineEventType({
        name: 'note_added',
        description: 'Somebody has put a note on the board.',
        payload: Type.Object({ text: Type.String({ minLength: 1, maxLength: 1_000 }) }),
        stream: 'events:notes',
        lane: 'high',
        maxAgeMs: null,
        replay: { mode: 'all' },
      }),
    ],
  }),
});
