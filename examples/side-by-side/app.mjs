// An application module that runs beside the system that it replaces. It has the built-in event types, in streams that the other
// system owns. Serve it with npx millrace serve --app ./app.mjs
import { defineCatalog, defineStream, eventCatalog } from '@millrace/contract';
import { defineApp } from '@millrace/gateway';

export const catalog = defineCatalog({
  streams: eventCatalog.streams.map((stream) => defineStream({ ...stream, retention: 'observe' })),
  eventTypes: eventCatalog.eventTypes,
});

export default defineApp({ name: 'side by side', catalog });
