// A catalog as JSON Schema 2020-12 documents, for producers in other languages. Standard keywords only: where
// a check of ours is exact, the keywords come as near as they can (room ids: characters for bytes; leap
// seconds and nesting: not said).
import type { TSchema } from 'typebox';
import type { AnyCatalog } from './catalog.js';
import type { EventTypeDeclaration } from './declaration.js';
import { envelopeFields } from './envelope.js';
import { namedCheckOf } from './named-check.js';

/** A JSON Schema as plain data. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** Where the documents say they live. */
export interface JsonSchemaOptions {
  /**
   * Beginning of every `$id`.
   * @defaultValue 'urn:millrace:contract:'
   */
  readonly idPrefix?: string;
}

/** The documents of one catalog. Every one has its own `$id`; `event` refers to the payloads by theirs. */
export interface JsonSchemas {
  /** A whole event of any type: the envelope, and the payload schema that follows from `event_type`. */
  readonly event: JsonSchema;
  /** A flat stream entry: text fields, with JSON inside `payload` and `metadata`. */
  readonly entry: JsonSchema;
  /** The payload of each type, by the type's name. */
  readonly payloads: Readonly<Record<string, JsonSchema>>;
}

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
const DEFAULT_ID_PREFIX = 'urn:millrace:contract:';

/** Turns a compiled-check schema into plain keywords: refinements become the keywords that name them. */
function toJsonSchema(schema: TSchema): JsonSchema {
  const result: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(schema)) result[keyword] = toKeywordValue(value);
  const refinements = (schema as JsonSchema)['~refine'];
  if (Array.isArray(refinements)) {
    for (const { check } of refinements as { check: (value: unknown) => boolean }[]) {
      Object.assign(result, namedCheckOf(check)?.jsonSchema);
    }
  }
  return result;
}

function toKeywordValue(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(toKeywordValue);
  if (value instanceof RegExp) return value.source;
  return typeof value === 'object' && value !== null ? toJsonSchema(value) : value;
}

/** The payload schema of a type as plain keywords, titled by the type's name. */
export function payloadSchema(type: EventTypeDeclaration): JsonSchema {
  const { description } = type;
  const title = `Payload of ${type.name}`;
  return { title, ...(description === undefined ? {} : { description }), ...toJsonSchema(type.payload) };
}

/** The envelope's fields as plain keywords, with the payload and the type left to the caller. */
export function envelopeProperties(eventType: JsonSchema, payload: JsonSchema): JsonSchema {
  return {
    event_id: toJsonSchema(envelopeFields.event_id),
    event_type: { description: 'Name of the event type. It decides what the payload holds.', ...eventType },
    timestamp: toJsonSchema(envelopeFields.timestamp),
    room_id: toJsonSchema(envelopeFields.room_id),
    payload,
    metadata: toJsonSchema(envelopeFields.metadata),
  };
}

/** The fields of a flat entry as plain keywords. */
export function entryProperties(eventType: JsonSchema, payload: JsonSchema): JsonSchema {
  const { event_id, event_type, timestamp, room_id } = envelopeProperties(eventType, payload);
  return {
    event_id,
    event_type,
    timestamp,
    room_id,
    payload: jsonText('The payload as JSON text.', payload),
    metadata: jsonText(
      'The metadata as JSON text. An empty text and null mean none.',
      toJsonSchema(envelopeFields.metadata),
    ),
  };
}

function jsonText(description: string, contentSchema: JsonSchema): JsonSchema {
  return { description, type: 'string', contentMediaType: 'application/json', contentSchema };
}

/** Fields that an event and an entry must have. */
export const REQUIRED_FIELDS = ['event_id', 'event_type', 'timestamp', 'room_id', 'payload'] as const;

/**
 * Writes a catalog as JSON Schema 2020-12. The same catalog gives the same documents, byte for byte.
 * Objects are open: unknown fields are allowed.
 */
export function createJsonSchemas(catalog: AnyCatalog, options: JsonSchemaOptions = {}): JsonSchemas {
  const prefix = options.idPrefix ?? DEFAULT_ID_PREFIX;
  const head = (name: string): JsonSchema => ({ $schema: DIALECT, $id: `${prefix}${name}` });
  const payloadId = (type: EventTypeDeclaration): string => `payload:${type.name}`;
  const types = catalog.eventTypes;
  const eventType = { type: 'string', enum: types.map((type) => type.name) };
  const event = {
    ...head('event'),
    title: 'Event',
    description: 'One event, with the payload that its type says.',
    type: 'object',
    required: REQUIRED_FIELDS,
    properties: envelopeProperties(eventType, { type: 'object', description: 'What the event carries.' }),
    oneOf: types.map((type) => ({
      properties: {
        event_type: { const: type.name },
        payload: { $ref: `${prefix}${payloadId(type)}` },
      },
    })),
  };
  const entry = {
    ...head('entry'),
    title: 'Stream entry',
    description: 'One event as the flat fields of a stream entry, as a plain XADD writes them.',
    type: 'object',
    required: REQUIRED_FIELDS,
    properties: entryProperties(eventType, { type: 'object' }),
  };
  const payloads = types.map(
    (type) => [type.name, { ...head(payloadId(type)), ...payloadSchema(type) }] as const,
  );
  return { event, entry, payloads: Object.fromEntries(payloads) };
}
