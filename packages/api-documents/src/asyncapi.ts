// Writes a catalog as an AsyncAPI 3.0 document. Each stream is a channel with flat entries, and the hub is a
// channel to the clients. The document contains all schemas. The schemas use only keywords of JSON Schema
// draft 7, which is the dialect of AsyncAPI.
import type { AnyCatalog, EventTypeDeclaration, JsonSchema, StreamDeclaration } from '@millrace/contract';
import { checkOptions, nearestName, type OptionRules, required, text } from '@millrace/internal';
import { CatalogSchemas } from './catalog-schemas.js';
import { componentKeys } from './component-keys.js';
import { invalidOption } from './invalid-option.js';

/** Title, version and description of the document. @beta */
export interface AsyncApiInfo {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
}

/** An AsyncAPI document as plain data. @beta */
export type AsyncApiDocument = { readonly [field: string]: unknown };

const RULES: OptionRules<AsyncApiInfo> = {
  title: required(text()),
  version: required(text()),
  description: text(0),
};

const HUB_CHANNEL = 'hub';
const HUB_ADDRESS = '/hubs/events';

type Named = readonly [name: string, value: unknown];

function ref(path: string): JsonSchema {
  return { $ref: `#/${path}` };
}

/** A catalog, its schemas, and the keys of its types and streams in the document. */
interface Source {
  readonly catalog: AnyCatalog;
  readonly schemas: CatalogSchemas;
  readonly typeKeys: ReadonlyMap<string, string>;
  readonly streamKeys: ReadonlyMap<string, string>;
}

function keyOf(keys: ReadonlyMap<string, string>, { name }: { readonly name: string }): string {
  return keys.get(name) ?? name;
}

const entryName = ({ typeKeys }: Source, type: EventTypeDeclaration): string =>
  `${keyOf(typeKeys, type)}.entry`;
const deliveryName = ({ typeKeys }: Source, type: EventTypeDeclaration): string =>
  `${keyOf(typeKeys, type)}.delivery`;
const payloadName = ({ typeKeys }: Source, type: EventTypeDeclaration): string =>
  `${keyOf(typeKeys, type)}.payload`;

function schemasOf(source: Source, type: EventTypeDeclaration): Named[] {
  const { schemas } = source;
  const payload = ref(`components/schemas/${payloadName(source, type)}`);
  const entry = {
    type: 'object',
    required: schemas.requiredFields,
    properties: schemas.entryProperties(type, payload),
  };
  const position = { type: 'string', description: 'Opaque token for the client’s position in the streams.' };
  const delivery = {
    type: 'object',
    required: [...schemas.requiredFields, 'position'],
    properties: { ...schemas.eventProperties(type, payload), position },
  };
  return [
    [payloadName(source, type), schemas.payload(type)],
    [entryName(source, type), entry],
    [deliveryName(source, type), delivery],
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

function messagesOf(source: Source, type: EventTypeDeclaration): Named[] {
  return [
    message(type, entryName(source, type), 'Flat entry in a stream; payload and metadata are JSON texts.'),
    message(type, deliveryName(source, type), 'The one argument of the hub method of this name on a client.'),
  ];
}

function refsToMessages(names: readonly string[]): JsonSchema {
  return Object.fromEntries(names.map((name) => [name, ref(`components/messages/${name}`)]));
}

function streamChannel(source: Source, stream: StreamDeclaration): Named {
  const own = source.catalog.eventTypes.filter((type) => type.stream === stream.name);
  return [
    keyOf(source.streamKeys, stream),
    {
      address: stream.name,
      title: `Stream ${stream.name}`,
      description:
        `Redis Stream of about ${stream.maxLength} entries. Each entry has the flat fields of its message. ` +
        'The messages are the types that publishers put here; readers accept any type in any stream.',
      messages: refsToMessages(own.map((type) => entryName(source, type))),
      bindings: { redis: {} },
    },
  ];
}

function hubChannel(source: Source): Named {
  return [
    HUB_CHANNEL,
    {
      address: HUB_ADDRESS,
      title: 'SignalR hub',
      description:
        'Clients in a room are called with the event type as the method and the event as its argument. The hub’s own methods, and its ' +
        'messages that are not events (position, resync, presence, event_erased, removed), are in docs/protocol.md of Millrace.',
      messages: refsToMessages(source.catalog.eventTypes.map((type) => deliveryName(source, type))),
      bindings: { ws: {} },
    },
  ];
}

/**
 * Writes a catalog as an AsyncAPI 3.0 document. The document takes the gateway's point of view: it receives from the streams
 * and sends through the hub. The same catalog always gives the same document.
 * @beta
 */
export function createAsyncApiDocument(catalog: AnyCatalog, info: AsyncApiInfo): AsyncApiDocument {
  const given = checkOptions(info, RULES, invalidOption, nearestName);
  const { eventTypes, streams } = catalog;
  const source: Source = {
    catalog,
    schemas: new CatalogSchemas(catalog),
    typeKeys: componentKeys(eventTypes.map(({ name }) => name)),
    // Reserves the key of the hub's channel, so that no stream gets this key.
    streamKeys: componentKeys([HUB_CHANNEL, ...streams.map(({ name }) => name)]),
  };
  const channels = [...streams.map((stream) => streamChannel(source, stream)), hubChannel(source)];
  const receive = streams.map((stream): Named => {
    const key = keyOf(source.streamKeys, stream);
    return [`receive-${key}`, { action: 'receive', channel: ref(`channels/${key}`) }];
  });
  const send: Named = ['send-hub', { action: 'send', channel: ref(`channels/${HUB_CHANNEL}`) }];
  return {
    asyncapi: '3.0.0',
    info: given,
    defaultContentType: 'application/json',
    channels: Object.fromEntries(channels),
    operations: Object.fromEntries([...receive, send]),
    components: {
      messages: Object.fromEntries(eventTypes.flatMap((type) => messagesOf(source, type))),
      schemas: Object.fromEntries(eventTypes.flatMap((type) => schemasOf(source, type))),
    },
  };
}
