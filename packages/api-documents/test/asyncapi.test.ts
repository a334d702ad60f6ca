// Tests the AsyncAPI document with the official parser.
import { createRequire } from 'node:module';
import type * as asyncapi from '@asyncapi/parser';
import { createAsyncApiDocument } from '@millrace/api-documents';
import { type AnyCatalog, eventCatalog } from '@millrace/contract';
import { expect, test } from 'vitest';
import { catalogOfOddNames } from './catalog-of-odd-names.js';

// The official parser takes seconds to load.
const parserTimeoutMs = 120_000;

/** Parses the document of a catalog. The returned `faults` are the warnings and errors of the parser. */
async function parseDocument(catalog: AnyCatalog) {
  // The ES module build of the parser does not load in Node.
  const { Parser } = createRequire(import.meta.url)('@asyncapi/parser') as typeof asyncapi;
  const text = JSON.stringify(createAsyncApiDocument(catalog, { title: 'Test', version: '1' }));
  const { document, diagnostics } = await new Parser().parse(text);
  return { document, faults: diagnostics.filter(({ severity }: { severity: number }) => severity <= 1) };
}

test('the AsyncAPI document passes the official parser', { timeout: parserTimeoutMs }, async () => {
  const { document, faults } = await parseDocument(eventCatalog);
  expect(faults).toEqual([]);
  const channels = document?.channels().all() ?? [];
  expect(channels.map((channel) => channel.address())).toEqual([
    ...eventCatalog.streams.map((stream) => stream.name),
    '/hubs/events',
  ]);
  expect(channels.map((channel) => channel.messages().all().length)).toEqual([4, 2, 1, 2, 9]);
});

test('an event type whose name is not a valid key gets a valid key in the AsyncAPI document', {
  timeout: parserTimeoutMs,
}, async () => {
  expect((await parseDocument(catalogOfOddNames())).faults).toEqual([]);
});
