// A catalog as an AsyncAPI 3.0 document: the streams as channels, with their flat entries, and the hub that
// clients are served by. Schemas are inside the document, in keywords that its schema dialect (draft 7) knows.
import type { AnyCatalog } from './catalog.js';
import type { EventTypeDeclaration, StreamDeclaration } from './declaration.js';
import {
  entryProperties,
  envelopeProperties,
  type JsonSchema,
  payloadSchema,
  REQUIRED_FIELDS,
} from './json-schema.js';

/** What the document says about itself. */
export interface AsyncApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
}

/** An AsyncAPI document as plain data. */
export type AsyncApiDocument = { readonly [field: string]: unknown };

const HUB_CHANNEL = 'hub';
const HUB_ADDRESS = '/hubs/events';

type Named = readonly [name: string, value: unknown];

/** Component and channel keys allow letters, digits, `.`, `-` and `_` only; `:` becomes `-`. */
function componentKey(name: string): string {
  return name.replaceAll(':', '-');
}

function ref(path: string): JsonSchema {
  return { $ref: `#/${path}` };
}

const entryName = (type: EventTypeDeclaration): string => `${type.name}.entry`;
const deliveryName = (type: EventTypeDeclaration): string => `${type.name}.delivery`;
const payloadName = (type: EventTypeDeclaration): string => `${type.name}.payload`;

function schemasOf(type: EventTypeDeclaration): Named[] {
  const payload = ref(`components/schemas/${payloadName(type)}`);
  const eventType = { type: 'string', const: type.name };
  const entry = {
    type: 'object',
    required: REQUIRED_FIELDS,
    properties: entryProperties(eventType, payload),
  };
  const position = { type: 'string', description: 'Opaque token: how far the client has seen.' };
  const delivery = {
    type: 'object',
    required: [...REQUIRED_FIELDS, 'position'],
    properties: { ...envelopeProperties(eventType, payload), position },
  };
  return [
    [payloadName(type), payloadSchema(type)],
    [entryName(type), entry],
    [deliveryName(type), delivery],
  ];
}

function message(type: EventTypeDeclaration, name: string, summary: string): Named {
  const description = [type.description, staleness(type)].filter((part) => part !== undefined).join(' ');
  return [
    name,
    {
      name: type.name,
      title: type.name,
      summary,
      description,
      contentType: 'application/json',
      payload: ref(`components/schemas/${name}`),
    },
  ];
}

function staleness({ lane, maxAgeMs, coalescing }: EventTypeDeclaration): string {
  const age = maxAgeMs === null ? 'never stale' : `not sent when older than ${maxAgeMs / 1000} s`;
  const merged = coalescing === undefined ? '' : `, coalesced over ${coalescing.windowMs} ms`;
  return `Lane ${lane}, ${age}${merged}.`;
}

function messagesOf(type: EventTypeDeclaration): Named[] {
  return [
    message(type, entryName(type), 'Flat entry in a stream; payload and metadata are JSON texts.'),
    message(type, deliveryName(type), 'The one argument of the hub method of this name on a client.'),
  ];
}

function refsToMessages(names: readonly string[]): JsonSchema {
  return Object.fromEntries(names.map((name) => [name, ref(`components/messages/${name}`)]));
}

function streamChannel(stream: StreamDeclaration, types: readonly EventTypeDeclaration[]): Named {
  const own = types.filter((type) => type.stream === stream.name);
  return [
    componentKey(stream.name),
    {
      address: stream.name,
      title: `Stream ${stream.name}`,
      description:
        `Redis Stream of about ${stream.maxLength} entries. Each entry has the flat fields of its message. ` +
        'Listed are the types that publishers put here; readers accept any type in any stream.',
      messages: refsToMessages(own.map(entryName)),
      bindings: { redis: {} },
    },
  ];
}

function hubChannel(types: readonly EventTypeDeclaration[]): Named {
  return [
    HUB_CHANNEL,
    {
      address: HUB_ADDRESS,
      title: 'SignalR hub',
      description:
        'Clients in a room are called with the event type as the method and the event as its argument.',
      messages: refsToMessages(types.map(deliveryName)),
      bindings: { ws: {} },
    },
  ];
}

/**
 * Writes a catalog as an AsyncAPI 3.0 document, seen from the gateway: it receives from the streams and sends
 * through the hub. The same catalog gives the same document.
 */
export function createAsyncApiDocument(catalog: AnyCatalog, info: AsyncApiInfo): AsyncApiDocument {
  const { eventTypes, streams } = catalog;
  const channels = [...streams.map((stream) => streamChannel(stream, eventTypes)), hubChannel(eventTypes)];
  const receive = streams.map(({ name }): Named => {
    const key = componentKey(name);
    return [`receive-${key}`, { action: 'receive', channel: ref(`channels/${key}`) }];
  });
  const send: Named = ['send-hub', { action: 'send', channel: ref(`channels/${HUB_CHANNEL}`) }];
  return {
    asyncapi: '3.0.0',
    info: { ...info },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(channels),
    operations: Object.fromEntries([...receive, send]),
    components: {
      messages: Object.fromEntries(eventTypes.flatMap(messagesOf)),
      schemas: Object.fromEntries(eventTypes.flatMap(schemasOf)),
    },
  };
}
