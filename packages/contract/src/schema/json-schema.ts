// Writes a catalog as JSON Schema 2020-12 documents, for producers in other languages. The documents contain only standard
// keywords. Therefore they accept a little more than the checks of this package. They count the characters of a room ID
// instead of its bytes. They do not check the calendar, leap seconds or the limits of clients.
import { checkOptions, nearestName, type OptionRules, text } from '@millrace/internal';
import type { TSchema } from 'typebox';
import type { AnyCatalog } from '../catalog/catalog.js';
import type { EventTypeDeclaration } from '../catalog/declaration.js';
import { checkedPayload } from '../checks/event-check.js';
import { namedCheckOf } from '../checks/named-check.js';
import { ContractError } from '../contract-error.js';
import { envelopeFields } from '../event/envelope.js';

/** A JSON Schema as plain data. @beta */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** Options of {@link createJsonSchemas}. @beta */
export interface JsonSchemaOptions {
  /**
   * Beginning of every `$id`.
   * @defaultValue 'urn:millrace:contract:'
   */
  readonly idPrefix?: string;
}

/** Schema of a whole event or of a stream entry, which have the same fields. @beta */
export interface EventSchema extends JsonSchema {
  readonly required: readonly string[];
  readonly properties: Readonly<
    Record<'event_id' | 'event_type' | 'timestamp' | 'room_id' | 'payload' | 'metadata', JsonSchema>
  >;
}

/**
 * The documents of one catalog. Each document has its own `$id`. The document `event` refers to the payload schemas by their `$id`.
 * @beta
 */
export interface JsonSchemas {
  /** A whole event of any type: the envelope, and the payload schema of its `event_type`. */
  readonly event: EventSchema;
  /** A flat stream entry: text fields, with JSON inside `payload` and `metadata`. */
  readonly entry: EventSchema;
  /** The schema of the accepted payloads of each type, by the name of the type. */
  readonly payloads: Readonly<Record<string, JsonSchema>>;
  /** The schema of the recommended payloads, by the name of the type. Contains only types that also accept other payloads. */
  readonly recommended: Readonly<Record<string, JsonSchema>>;
}

const RULES: OptionRules<JsonSchemaOptions> = { idPrefix: text() };

function invalidOption(fault: string): ContractError {
  return new ContractError('invalid_option', fault);
}

const DIALECT = 'https://json-schema.org/draft/2020-12/schema';
const DEFAULT_ID_PREFIX = 'urn:millrace:contract:';

/** Turns a TypeBox schema into an object of JSON Schema keywords. A refinement becomes the keywords of its named check. */
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

/** Returns the schema of the payloads that a catalog accepts for a type, as an object of JSON Schema keywords with a title. */
function payloadSchema(catalog: AnyCatalog, type: EventTypeDeclaration): JsonSchema {
  const accepted = checkedPayload(type, catalog);
  // The description names the recommended fields. Keywords for these fields would refuse payloads with other fields.
  const fields = accepted === type.payload ? [] : Object.keys(recommendedFields(type));
  const recommendation = fields.length === 0 ? undefined : `Recommended fields: ${fields.join(', ')}.`;
  return { ...head(type, 'Payload', recommendation), ...toJsonSchema(accepted) };
}

/** Returns the schema of a type's recommended payloads, as an object of JSON Schema keywords. */
function recommendedSchema(type: EventTypeDeclaration): JsonSchema {
  return { ...head(type, 'Recommended payload'), ...toJsonSchema(type.payload) };
}

function recommendedFields({ payload }: EventTypeDeclaration): JsonSchema {
  const { properties } = payload as { readonly properties?: JsonSchema }; // A schema is a plain object of keywords.
  return properties ?? {};
}

function head(type: EventTypeDeclaration, title: string, recommendation?: string): JsonSchema {
  const sentences = [type.description, recommendation].filter((sentence) => sentence !== undefined);
  return {
    title: `${title} of ${type.name}`,
    ...(sentences.length === 0 ? {} : { description: sentences.join(' ') }),
  };
}

/** The fields of an event as JSON Schema keywords. */
function eventProperties({ eventIdRule, eventTypes }: AnyCatalog): EventSchema['properties'] {
  const fields = envelopeFields(eventIdRule);
  return {
    event_id: toJsonSchema(fields.event_id),
    event_type: {
      description: 'Name of the event type. It determines the payload.',
      type: 'string',
      enum: eventTypes.map(({ name }) => name),
    },
    timestamp: toJsonSchema(fields.timestamp),
    room_id: toJsonSchema(fields.room_id),
    payload: { description: 'The data of the event.' },
    metadata: toJsonSchema(fields.metadata),
  };
}

/** The fields of a flat entry as JSON Schema keywords. */
function entryProperties(catalog: AnyCatalog): EventSchema['properties'] {
  const { metadata, ...fields } = eventProperties(catalog);
  return {
    ...fields,
    payload: jsonText('The payload as JSON text.', {}),
    metadata: jsonText('The metadata as JSON text. An empty text and null mean none.', metadata),
  };
}

function jsonText(description: string, contentSchema: JsonSchema): JsonSchema {
  return { description, type: 'string', contentMediaType: 'application/json', contentSchema };
}

/** Fields that an event and an entry must have. */
const REQUIRED_FIELDS = ['event_id', 'event_type', 'timestamp', 'room_id', 'payload'] as const;

/**
 * Writes a catalog as JSON Schema 2020-12. The same catalog gives the same documents, byte for byte.
 * Objects are open: unknown fields are allowed.
 * @beta
 */
export function createJsonSchemas(catalog: AnyCatalog, options: JsonSchemaOptions = {}): JsonSchemas {
  const { idPrefix: prefix = DEFAULT_ID_PREFIX } = checkOptions(options, RULES, invalidOption, nearestName);
  const identity = (name: string): JsonSchema => ({ $schema: DIALECT, $id: `${prefix}${name}` });
  const payloadId = ({ name }: EventTypeDeclaration): string => `payload:${encodeURIComponent(name)}`;
  const recommendedId = ({ name }: EventTypeDeclaration): string => `recommended:${encodeURIComponent(name)}`;
  const { eventTypes: types } = catalog;
  const event = {
    ...identity('event'),
    title: 'Event',
    description: 'One event, with the payload of its type.',
    type: 'object',
    required: REQUIRED_FIELDS,
    properties: eventProperties(catalog),
    oneOf: types.map((type) => ({
      properties: {
        event_type: { const: type.name },
        payload: { $ref: `${prefix}${payloadId(type)}` },
      },
    })),
  };
  const entry = {
    ...identity('entry'),
    title: 'Stream entry',
    description: 'One event as the flat fields of a stream entry, as a plain XADD writes them.',
    type: 'object',
    required: REQUIRED_FIELDS,
    properties: entryProperties(catalog),
  };
  const payloads = types.map(
    (type) => [type.name, { ...identity(payloadId(type)), ...payloadSchema(catalog, type) }] as const,
  );
  const recommended = types
    .filter((type) => checkedPayload(type, catalog) !== type.payload)
    .map((type) => [type.name, { ...identity(recommendedId(type)), ...recommendedSchema(type) }] as const);
  return {
    event,
    entry,
    payloads: Object.fromEntries(payloads),
    recommended: Object.fromEntries(recommended),
  };
}
