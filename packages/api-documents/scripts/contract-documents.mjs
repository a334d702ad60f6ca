// Returns the documents of docs/contract, by path. The generator passes the built packages to this function. The test of the
// committed files passes the sources.

const INFO = {
  title: 'Millrace',
  version: '1.0.0',
  description: 'Typed real-time events: from a backend through Redis Streams to every client in the room.',
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
