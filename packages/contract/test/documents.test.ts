// The generated documents: committed as generated, valid for their official validators, and of one mind with the parser.
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type * as asyncapi from '@asyncapi/parser';
import * as contract from '@millrace/contract';
import {
  createAsyncApiDocument,
  createJsonSchemas,
  createOpenApiDocument,
  defineCatalog,
  defineEventType,
  eventCatalog,
} from '@millrace/contract';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contractDocuments } from '../scripts/contract-documents.mjs';
import { EVENT_ID, eventOf, fullPayloads, TIMESTAMP, UUID, UUID_V1 } from './samples.js';

const folder = fileURLToPath(new URL('../../../docs/contract/', import.meta.url));

function compileEventSchema(): { event: ValidateFunction; entry: ValidateFunction } {
  const ajv = new Ajv2020({ allErrors: false, strict: true, strictRequired: false });
  // The types of ajv-formats describe its CommonJS form.
  (addFormats as unknown as (target: Ajv2020) => void)(ajv);
  const { event, entry, payloads } = createJsonSchemas(eventCatalog);
  for (const payload of Object.values(payloads)) ajv.addSchema(payload);
  return { event: ajv.compile(event), entry: ajv.compile(entry) };
}

test('the committed documents are those that the catalog generates', () => {
  const generated = contractDocuments(contract);
  const committed = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.json'),
  );
  expect(committed.sort()).toEqual(Object.keys(generated).sort());
  for (const [path, text] of Object.entries(generated))
    expect(readFileSync(folder + path, 'utf8')).toBe(text);
});

// The official parser takes seconds to load.
const parserTimeoutMs = 120_000;

test('the AsyncAPI document passes the official parser', { timeout: parserTimeoutMs }, async () => {
  // Its ES module build does not load in Node.
  const { Parser } = createRequire(import.meta.url)('@asyncapi/parser') as typeof asyncapi;
  const text = JSON.stringify(createAsyncApiDocument(eventCatalog, { title: 'Test', version: '1' }));
  const { document, diagnostics } = await new Parser().parse(text);
  expect(diagnostics.filter(({ severity }: { severity: number }) => severity <= 1)).toEqual([]);
  const channels = document?.channels().all() ?? [];
  expect(channels.map((channel) => channel.address())).toEqual([
    ...eventCatalog.streams.map((stream) => stream.name),
    '/hubs/events',
  ]);
  expect(channels.map((channel) => channel.messages().all().length)).toEqual([4, 2, 1, 2, 9]);
});

describe('the OpenAPI document', () => {
  test('is valid by the schema of OpenAPI 3.1, and every reference in it leads somewhere', async () => {
    const validator = new Validator();
    const text = JSON.stringify(createOpenApiDocument(eventCatalog));
    expect(await validator.validate(JSON.parse(text) as Record<string, unknown>)).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
    const { components } = JSON.parse(text) as { components: { schemas: object } };
    const references = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(([, name]) => name);
    expect(new Set(references)).toEqual(new Set(Object.keys(components.schemas)));
  });

  test('describes what the gateway takes: each type, without an ID and a time, one or a list', () => {
    const ajv = new Ajv2020({ strict: false });
    (addFormats as unknown as (target: Ajv2020) => void)(ajv);
    ajv.addSchema({
      ...createOpenApiDocument(eventCatalog, { maxEventsPerRequest: 2 }),
      $id: 'urn:test:doc',
    });
    const body = '#/paths/~1v1~1events/post/requestBody/content/application~1json/schema';
    const isBody = ajv.compile({ $ref: `urn:test:doc${body}` });
    for (const type of Object.keys(fullPayloads)) {
      const { event_id: _id, timestamp: _timestamp, ...event } = eventOf(type);
      expect([type, isBody(event), isBody([event, eventOf(type)])]).toEqual([type, true, true]);
      const isOpen = eventCatalog.find(type)?.openPayload !== undefined && type !== 'chat_message';
      expect([type, isBody({ ...event, payload: {} })]).toEqual([type, isOpen]);
      expect([type, isBody({ ...event, payload: [] })]).toEqual([type, false]);
      expect(isBody([event, event, event])).toBe(false);
    }
    expect(isBody([])).toBe(false);
    expect(isBody({ ...eventOf('notification'), event_type: 'nonsense' })).toBe(false);
  });
});

describe('JSON Schema and parser', () => {
  const validate = compileEventSchema();
  const isParsed = (value: unknown): boolean => eventCatalog.parseEvent(value).ok;

  test('every schema has an id, a title and described fields', () => {
    const { event, entry, payloads, recommended } = createJsonSchemas(eventCatalog, {
      idPrefix: 'https://example.org/',
    });
    const all = [event, entry, ...Object.values(payloads), ...Object.values(recommended)] as {
      properties?: Record<string, { description?: string }>;
    }[];
    for (const schema of all) {
      expect(schema).toMatchObject({
        $schema: 'https://json-schema.org/draft/2020-12/schema',
        $id: expect.stringMatching('^https://example.org/'),
        title: expect.any(String),
        description: expect.any(String),
      });
    }
    const described = (schema: { description?: string; anyOf?: { description?: string }[] }): boolean =>
      schema.description !== undefined ||
      (schema.anyOf ?? []).some((other) => other.description !== undefined);
    for (const schema of all) {
      for (const [name, field] of Object.entries(schema.properties ?? {}))
        expect([name, described(field)]).toEqual([name, true]);
    }
  });

  test('recommended are the payloads that the data model leaves open, and the sender of a message', () => {
    const { recommended } = createJsonSchemas(eventCatalog);
    expect(Object.keys(recommended)).toEqual([
      'chat_message',
      'read_receipt',
      'assignment_change',
      'notification',
      'remote_session_start',
      'remote_session_end',
    ]);
    expect(
      createJsonSchemas(defineCatalog({ ...eventCatalog, openPayloads: 'recommended' })).recommended,
    ).toEqual({});
  });

  test('names that a component key cannot have get one of their own', {
    timeout: parserTimeoutMs,
  }, async () => {
    const [chat] = eventCatalog.eventTypes;
    const named = (name: string) => defineEventType({ ...chat, name });
    const names = ['chat:typing', 'chat-typing', 'chat typing', 'ünd/so'];
    const catalog = defineCatalog({ streams: eventCatalog.streams, eventTypes: names.map(named) });
    const { Parser } = createRequire(import.meta.url)('@asyncapi/parser') as typeof asyncapi;
    const asyncText = JSON.stringify(createAsyncApiDocument(catalog, { title: 'Test', version: '1' }));
    const { diagnostics } = await new Parser().parse(asyncText);
    expect(diagnostics.filter(({ severity }: { severity: number }) => severity <= 1)).toEqual([]);
    const document = JSON.parse(JSON.stringify(createOpenApiDocument(catalog))) as Record<string, unknown>;
    expect(await new Validator().validate(document)).toEqual({ valid: true });
    const ajv = new Ajv2020({ strict: true, strictRequired: false });
    (addFormats as unknown as (target: Ajv2020) => void)(ajv);
    const { event, payloads } = createJsonSchemas(catalog);
    for (const payload of Object.values(payloads)) ajv.addSchema(payload);
    const isEvent = ajv.compile(event);
    for (const name of names) expect(isEvent(eventOf(name, fullPayloads['chat_message']))).toBe(true);
  });

  test.each(Object.keys(fullPayloads))('agree on a full %s, as event and as entry', (type) => {
    expect(validate.event(eventOf(type))).toBe(true);
    expect(validate.entry(eventCatalog.encodeEntry(eventOf(type)))).toBe(true);
  });

  // Where JSON Schema has no exact keyword (bytes of a room id, the calendar, nesting) they may differ; the values
  // below stay clear of that.
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      UUID,
      UUID_V1,
      UUID.toUpperCase(),
      EVENT_ID,
      `{${UUID}}`,
      `urn:uuid:${UUID}`,
      TIMESTAMP,
      '2026-01-16T12:00:00Z',
      '2026-01-16 12:00:00Z',
      '20260116T1200,5+01',
      '2026-W03-5T12',
      '2026-016T24:00:00',
      '2026-01-16T12:00+5',
      '*',
      '2024-02-29T12:00:00+05:30',
      '2026-01-16T12:00:00',
      '2026-01-16',
      '',
      'text',
      'a{b',
      'a\nb',
      'ü',
      'view',
      'control',
      'x'.repeat(257),
      0,
      1,
      -1,
      1.5,
      2 ** 53,
      1e300,
      true,
      false,
      null,
      [],
      {},
      [UUID],
      [UUID, 1],
      ['x'],
      { id: UUID, username: 'a' },
      { id: 1 },
      { trace_id: null },
      { coalesced_count: 0 },
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const envelopeFields = ['event_id', 'event_type', 'timestamp', 'room_id', 'payload', 'metadata'];
  const change = fc.constantFrom(...Object.keys(fullPayloads)).chain((type) => {
    const paths = [
      ...envelopeFields,
      ...Object.keys(fullPayloads[type] ?? {}).map((field) => `payload.${field}`),
    ];
    const edit = fc.record({ path: fc.constantFrom(...paths), remove: fc.boolean(), value });
    return fc.record({ type: fc.constant(type), edits: fc.array(edit, { maxLength: 3 }) });
  });

  test('agree on events with fields taken away or replaced', () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(change, ({ type, edits }) => {
        const event = structuredClone(eventOf(type)) as unknown as Record<string, unknown>;
        for (const edit of edits) applyEdit(event, edit);
        expect(validate.event(event)).toBe(isParsed(event));
        seen[isParsed(event) ? 'accepted' : 'refused'] += 1;
      }),
      { numRuns: 3_000 },
    );
    expect(Math.min(seen.accepted, seen.refused)).toBeGreaterThan(100);
  });
});

function applyEdit(
  event: Record<string, unknown>,
  edit: { path: string; remove: boolean; value: unknown },
): void {
  const [field = '', inner] = edit.path.split('.');
  const isInner = inner !== undefined && typeof event.payload === 'object' && event.payload !== null;
  const target = isInner ? (event.payload as Record<string, unknown>) : event;
  const name = isInner ? inner : field;
  if (edit.remove) delete target[name];
  // A copy: later edits change what they find, and the same value comes again in other runs.
  else target[name] = structuredClone(edit.value);
}
