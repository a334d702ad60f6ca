// Writes a catalog as an OpenAPI 3.1 document of the gateway's HTTP endpoints, which are used without a Millrace library.
import type { AnyCatalog, EventTypeDeclaration, JsonSchema } from '@millrace/contract';
import { checkOptions, nearestName, type OptionRules, wholeNumber } from '@millrace/internal';
import { CatalogSchemas } from './catalog-schemas.js';
import { componentKeys } from './component-keys.js';
import { invalidOption } from './invalid-option.js';
import { erasurePaths, erasureSchemas } from './openapi-erasure.js';
import { memberPaths, memberSchemas } from './openapi-members.js';
import { presencePaths, presenceSchemas } from './openapi-presence.js';
import { readPaths, readSchemas, readSecuritySchemes } from './openapi-reads.js';

/** An OpenAPI document as plain data. @beta */
export type OpenApiDocument = { readonly [field: string]: unknown };

/** Limits of the gateway that serves the document. @beta */
export interface OpenApiOptions {
  /** Maximum number of events in one request. @defaultValue 500 */
  readonly maxEventsPerRequest?: number;
  /** Maximum number of events of a page that is read. @defaultValue 1_000 */
  readonly maxEventsPerPage?: number;
  /** Maximum time that a read waits for an event, in seconds. @defaultValue 90 */
  readonly maxWaitSeconds?: number;
}

const RULES: OptionRules<OpenApiOptions> = {
  maxEventsPerRequest: wholeNumber(),
  maxEventsPerPage: wholeNumber(),
  maxWaitSeconds: wholeNumber(0),
};

type Named = readonly [name: string, value: JsonSchema];

const INFO = {
  title: 'Millrace',
  version: '1',
  description:
    'Publishes events to rooms, and reads them. A path answers a method that it does not have with 405 and `Allow`, and HEAD as GET, without a body.',
};

function schemaRef(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

function json(schema: JsonSchema): JsonSchema {
  return { 'application/json': { schema } };
}

type Keys = ReadonlyMap<string, string>;

const eventName = (keys: Keys, { name }: EventTypeDeclaration): string => `${keys.get(name) ?? name}.event`;
const payloadName = (keys: Keys, { name }: EventTypeDeclaration): string =>
  `${keys.get(name) ?? name}.payload`;

function schemasOf(schemas: CatalogSchemas, keys: Keys, type: EventTypeDeclaration): readonly Named[] {
  const { description } = type;
  const payload = schemaRef(payloadName(keys, type));
  const event = {
    title: type.name,
    ...(description === undefined ? {} : { description }),
    type: 'object',
    // The event ID and the time are not required, because the gateway adds them.
    required: ['event_type', 'room_id', 'payload'],
    properties: schemas.eventProperties(type, payload),
  };
  return [
    [eventName(keys, type), event],
    [payloadName(keys, type), schemas.payload(type)],
  ];
}

function anyEvent(types: readonly EventTypeDeclaration[], keys: Keys): JsonSchema {
  const mapping = types.map((type) => [type.name, `#/components/schemas/${eventName(keys, type)}`]);
  return {
    title: 'Event',
    description: 'One event of any type.',
    oneOf: types.map((type) => schemaRef(eventName(keys, type))),
    discriminator: { propertyName: 'event_type', mapping: Object.fromEntries(mapping) },
  };
}

const result: JsonSchema = {
  title: 'Result',
  description: 'The result for one event.',
  type: 'object',
  required: ['event_id', 'status'],
  properties: {
    event_id: {
      type: 'string',
      description: 'The ID as it was sent (a UUID in lower case), or the ID that the gateway made.',
    },
    status: {
      type: 'string',
      enum: ['stored', 'coalesced'],
      description: 'coalesced: the event waits in its window, where a later event may replace it.',
    },
    entry_id: { type: 'string', description: 'Entry ID in the stream. For stored events.' },
    is_duplicate: {
      type: 'boolean',
      description: 'True when the event had been stored before. For stored events.',
    },
  },
};

const problem: JsonSchema = {
  title: 'Problem',
  description: 'The reason why a request was refused, in the form of RFC 9457.',
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code'],
  properties: {
    type: { type: 'string', description: 'A URN that contains the code.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'An explanation for people.' },
    code: { type: 'string', description: 'Stable code for programs.' },
    errors: {
      description: 'For invalid events: the list of faults.',
      type: 'array',
      items: {
        type: 'object',
        required: ['index', 'path', 'rule', 'message'],
        properties: {
          index: { type: 'integer', description: 'Index of the event in the list; 0 for a single event.' },
          path: { type: 'string', description: 'JSON Pointer to the field of the event.' },
          rule: { type: 'string' },
          message: { type: 'string' },
        },
      },
    },
  },
};

const answer: JsonSchema = {
  title: 'Answer',
  description: 'The result of a single event, or those of a list in its order.',
  oneOf: [
    schemaRef('Result'),
    {
      type: 'object',
      required: ['results'],
      properties: { results: { type: 'array', items: schemaRef('Result') } },
    },
  ],
};

function refusal(description: string, headers?: JsonSchema): JsonSchema {
  return {
    description,
    ...(headers === undefined ? {} : { headers }),
    content: { 'application/problem+json': { schema: schemaRef('Problem') } },
  };
}

function responses(maxEvents: number): JsonSchema {
  const retryAfter = { description: 'Seconds to wait.', schema: { type: 'integer' } };
  return {
    '201': { description: 'Every event is in its stream.', content: json(schemaRef('Answer')) },
    '202': {
      description: 'Accepted; one or more events wait in their coalescing window.',
      content: json(schemaRef('Answer')),
    },
    '400': refusal('The body is not JSON.'),
    '401': refusal('No API key, or a wrong one.'),
    '413': refusal(`The body is too large, or has more than ${maxEvents} events.`),
    '415': refusal('The body is not application/json, or compressed.'),
    '422': refusal('An event breaks the contract. Nothing was published.'),
    '500': refusal('A fault of the gateway.'),
    '503': refusal(
      'Some events may not be stored; with the code `overloaded`, none is. Send the request again with the same event IDs.',
      {
        'Retry-After': retryAfter,
      },
    ),
  };
}

/** Joins the operations of several parts. Several parts may have operations of one path. */
function mergePaths(parts: readonly JsonSchema[]): JsonSchema {
  const paths: Record<string, unknown> = {};
  for (const part of parts)
    for (const [path, operations] of Object.entries(part))
      paths[path] = { ...(paths[path] as object | undefined), ...(operations as object) }; // Both are objects of operations.
  return paths;
}

/**
 * Writes a catalog as the OpenAPI 3.1 document of the gateway's HTTP endpoints for publishing and reading. The same catalog always gives
 * the same document.
 * @beta
 */
export function createOpenApiDocument(catalog: AnyCatalog, options: OpenApiOptions = {}): OpenApiDocument {
  const given = checkOptions(options, RULES, invalidOption, nearestName);
  const { maxEventsPerRequest: maxEvents = 500, maxEventsPerPage = 1_000, maxWaitSeconds = 90 } = given;
  const list = { type: 'array', minItems: 1, maxItems: maxEvents, items: schemaRef('Event') };
  const post = {
    operationId: 'publishEvents',
    summary: 'Publish one event, or a list',
    description:
      'All events are checked before any is stored. Safe to repeat with the same event IDs: each event is stored once.',
    security: [{ apiKey: [] }],
    requestBody: { required: true, content: json({ oneOf: [schemaRef('Event'), list] }) },
    responses: responses(maxEvents),
  };
  const keys = componentKeys(catalog.eventTypes.map(({ name }) => name));
  const catalogSchemas = new CatalogSchemas(catalog);
  const schemas: readonly Named[] = [
    ['Event', anyEvent(catalog.eventTypes, keys)],
    ['Result', result],
    ['Answer', answer],
    ['Problem', problem],
    ...presenceSchemas,
    ...erasureSchemas,
    ...readSchemas,
    ...Object.entries(memberSchemas),
    ...catalog.eventTypes.flatMap((type) => schemasOf(catalogSchemas, keys, type)),
  ];
  return {
    openapi: '3.1.0',
    info: INFO,
    paths: mergePaths([
      { '/v1/events': { post } },
      readPaths({ maxEventsPerPage, maxWaitSeconds }),
      presencePaths,
      erasurePaths,
      memberPaths,
    ]),
    components: {
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description: 'One of the keys in MILLRACE_API_KEYS. Not needed in development mode.',
        },
        ...readSecuritySchemes,
      },
      schemas: Object.fromEntries(schemas),
    },
  };
}
