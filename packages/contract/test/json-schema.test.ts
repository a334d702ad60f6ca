// The JSON Schemas of a catalog have descriptions, and agree with the parser.
import {
  type AnyCatalog,
  createJsonSchemas,
  defineCatalog,
  defineEventType,
  eventCatalog,
} from '@millrace/contract';
import { EVENT_ID, eventOf, fullPayloads, TIMESTAMP, UUID, UUID_V1 } from '@millrace/testkit';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

function compileSchemas(catalog: AnyCatalog): { event: ValidateFunction; entry: ValidateFunction } {
  const ajv = new Ajv2020({ allErrors: false, strict: true, strictRequired: false });
  // The cast is needed, because the type declarations of ajv-formats describe its CommonJS form.
  (addFormats as unknown as (target: Ajv2020) => void)(ajv);
  const { event, entry, payloads } = createJsonSchemas(catalog);
  for (const payload of Object.values(payloads)) ajv.addSchema(payload);
  return { event: ajv.compile(event), entry: ajv.compile(entry) };
}

describe('JSON Schema and parser', () => {
  const validate = compileSchemas(eventCatalog);
  const isParsed = (value: unknown): boolean => eventCatalog.parseEvent(value).ok;

  test('every schema has an ID, a title, a description, and a description of each field', () => {
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

  test('every type with an open payload or an open sender has a recommended schema', () => {
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

  test('the event schema refers to the payload schema of each type, whatever the name of the type is', () => {
    const [chat] = eventCatalog.eventTypes;
    const names = ['chat:typing', 'chat-typing', 'chat typing', 'ünd/so'];
    const eventTypes = names.map((name) => defineEventType({ ...chat, name }));
    const isEvent = compileSchemas(defineCatalog({ streams: eventCatalog.streams, eventTypes })).event;
    for (const name of names) expect(isEvent(eventOf(name, fullPayloads['chat_message']))).toBe(true);
  });

  test.each(Object.keys(fullPayloads))(
    'the JSON Schemas accept a %s event with all fields, and its stream entry',
    (type) => {
      expect(validate.event(eventOf(type))).toBe(true);
      expect(validate.entry(eventCatalog.encodeEntry(eventOf(type)))).toBe(true);
    },
  );

  // JSON Schema has no exact keywords for three rules: the bytes of a room ID, the calendar, and the nesting. The values
  // below do not need these rules.
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

  test('the JSON Schema and the parser accept the same events after random removals and replacements of fields', () => {
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
  // The value is copied, because later edits may change it, and other runs use the same value again.
  else target[name] = structuredClone(edit.value);
}
