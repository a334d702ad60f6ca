// The event types of an application that comes from Socket.IO: one for each name that it emits.
import { defineCatalog, defineEventType, defineStream, Type } from '@millrace/contract';

export const catalog = defineCatalog({
  streams: [defineStream({ name: 'events:tickets', maxLength: 10_000 })],
  eventTypes: [
    defineEventType({
      name: 'status',
      payload: Type.Object({ status: Type.String() }),
      stream: 'events:tickets',
      lane: 'high',
      maxAgeMs: null,
      replay: { mode: 'all' },
    }),
  ],
});
