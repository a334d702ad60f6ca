// Returns the documents of docs/contract, by path. The generator passes the built packages to this function. The test of the
// committed files passes the sources.

const INFO = {
  title: 'Millrace',
  version: '1.0.0',
  description:
    'Typed real-time events: from a backend through Redis Streams to every client in the room. This document has the events only. What ' +
    'else a client and the hub say to each other is in docs/protocol.md: the methods of the hub (JoinRoom, LeaveRoom, SendTyping, MarkRead, ' +
    'RefreshToken, SetPresence, WatchMembers, GetMembers) and the messages position, resync, presence, event_erased and removed. It also ' +
    'describes the control entries that a reader of the streams meets.',
};

export function contractDocuments({
  createAsyncApiDocument,
  createJsonSchemas,
  createOpenApiDocument,
  eventCatalog,
}) {
  const { event, entry, payloads, recommended } = createJsonSchemas(eventCatalog);
  const documents = {
    'asyncapi.json': createAsyncApiDocument(eventCatalog, INFO),
    'openapi.json': createOpenApiDocument(eventCatalog),
    'event.schema.json': event,
    'entry.schema.json': entry,
  };
  for (const [name, schema] of Object.entries(payloads)) documents[`payloads/${name}.schema.json`] = schema;
  for (const [name, schema] of Object.entries(recommended))
    documents[`recommended/${name}.schema.json`] = schema;
  return Object.fromEntries(
    Object.entries(documents).map(([path, document]) => [path, `${JSON.stringify(document, null, 2)}\n`]),
  );
}
