// The event types of this application. The gateway checks every event against them, and the page takes its TypeScript types from them.
import { defineCatalog, defineEventType, defineStream, Type } from '@millrace/contract';
import { defineApp } from '@millrace/gateway';

export const catalog = defineCatalog({
  streams: [defineStream({ name: 'events:notes', maxLength: 10_000 })],
  eventTypes: [
    defineEventType({
      name: 'note_added',
      description: 'Somebody has put a note on the board.',
      payload: Type.Object({ id: Type.String(), text: Type.String({ minLength: 1, maxLength: 1_000 }) }),
      stream: 'events:notes',
      lane: 'high', // sent before events of other lanes when many wait
      maxAgeMs: null, // never too old to be delivered
      replay: { mode: 'all' }, // a client that comes back is sent every event that it missed
    }),
  ],
});

export default defineApp({ name: 'notes', catalog });
