// The part of the OpenAPI document for reading a room: `GET /v1/rooms/{room}/events` and `GET /v1/rooms/{room}/position`.
import type { JsonSchema } from '@millrace/contract';

/** Limits of reading. */
export interface ReadLimits {
  readonly maxEventsPerPage: number;
  readonly maxWaitSeconds: number;
}

const eventRef: JsonSchema = { $ref: '#/components/schemas/Event' };
const position: JsonSchema = { type: 'string', description: 'An opaque text. Send it back as it is.' };

const delivered: JsonSchema = {
  title: 'DeliveredEvent',
  description: 'An event as clients receive it.',
  allOf: [
    eventRef,
    {
      type: 'object',
      required: ['event_id', 'timestamp', 'position'],
      properties: {
        position: { ...position, description: 'The position of a reader that has handled the event.' },
      },
    },
  ],
};

const users: JsonSchema = {
  type: 'array',
  items: {
    type: 'object',
    required: ['user_id', 'username'],
    properties: { user_id: { type: 'string' }, username: { type: 'string' } },
  },
};

const page: JsonSchema = {
  title: 'Page',
  description: 'The events of a room after a position, oldest first.',
  type: 'object',
  required: ['room_id', 'events', 'next', 'recovered', 'has_more', 'typing'],
  properties: {
    room_id: { type: 'string' },
    events: { type: 'array', items: { $ref: '#/components/schemas/DeliveredEvent' } },
    next: { ...position, description: 'The value of `after` for the next request.' },
    recovered: {
      type: 'boolean',
      description:
        'False if events after the position are lost, always so without a position: load the room from the backend.',
    },
    has_more: { type: 'boolean', description: 'True if there are more events after `next` already.' },
    typing: { ...users, description: 'The other users who are typing now.' },
    indicators: {
      type: 'object',
      description: 'Users whom other indicators of the catalog show, by name. Left out if there are none.',
      additionalProperties: users,
    },
  },
};

const roomPosition: JsonSchema = {
  title: 'RoomPosition',
  description: 'Where a room is now.',
  type: 'object',
  required: ['room_id', 'position'],
  properties: { room_id: { type: 'string' }, position },
};

/** The schemas of this part. Each key is the name of a schema. */
export const readSchemas: readonly (readonly [name: string, schema: JsonSchema])[] = [
  ['DeliveredEvent', delivered],
  ['Page', page],
  ['RoomPosition', roomPosition],
];

/** The ways to present the token of a user. */
export const readSecuritySchemes: JsonSchema = {
  token: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description: 'The token of a user. Not needed in development mode.',
  },
  tokenInQuery: {
    type: 'apiKey',
    in: 'query',
    name: 'access_token',
    description: 'The same token, for an EventSource, which sends no headers.',
  },
};

const security = [{ token: [] }, { tokenInQuery: [] }];

const roomParameter: JsonSchema = {
  name: 'room',
  in: 'path',
  required: true,
  description:
    'The room ID, escaped for a URL. `user:me` is the room of the token’s user, `*` the room of everybody.',
  schema: { type: 'string' },
};

function queryParameter(name: string, description: string, schema: JsonSchema): JsonSchema {
  return { name, in: 'query', description, schema };
}

function refusal(description: string): JsonSchema {
  return {
    description,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

function later(description: string): JsonSchema {
  const retryAfter = { description: 'Seconds to wait.', schema: { type: 'integer' } };
  return { ...refusal(description), headers: { 'Retry-After': retryAfter } };
}

const refusals: JsonSchema = {
  '400': refusal('A parameter or the room ID is wrong.'),
  '401': refusal('No token, or one that is not valid.'),
  '403': refusal('The token does not name the room, or the origin of the page is not allowed.'),
  '429': later('The user has sent too much, or has too many connections or rooms.'),
  '500': refusal('A fault of the gateway.'),
  '503': later('The gateway stops, or cannot answer now. Send the same request again.'),
};

function json(schema: string): JsonSchema {
  return { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } };
}

/** Returns the paths of this part. */
export function readPaths({ maxEventsPerPage, maxWaitSeconds }: ReadLimits): JsonSchema {
  const events = {
    operationId: 'readRoom',
    summary: 'Read the events of a room: a page, the next events, or a stream',
    description:
      'With `Accept: text/event-stream` the answer is a stream for an EventSource: `id` is the position, `event` the type, `data` the event.',
    security,
    parameters: [
      roomParameter,
      queryParameter('after', 'The position after which to read. Without it: from now on.', {
        type: 'string',
      }),
      queryParameter('limit', 'Maximum number of events of a page.', {
        type: 'integer',
        minimum: 1,
        maximum: maxEventsPerPage,
        default: Math.min(100, maxEventsPerPage),
      }),
      queryParameter('wait', 'Seconds to wait for an event if there is none.', {
        type: 'integer',
        minimum: 0,
        maximum: maxWaitSeconds,
        default: 0,
      }),
      {
        name: 'Last-Event-ID',
        in: 'header',
        description: 'The same as `after`, and wins over it.',
        schema: { type: 'string' },
      },
    ],
    responses: {
      '200': {
        description: 'A page, or a stream.',
        content: { ...json('Page'), 'text/event-stream': { schema: { type: 'string' } } },
      },
      ...refusals,
    },
  };
  const positionOf = {
    operationId: 'readPosition',
    summary: 'Read the position of a room',
    description: 'Read it before you load the state of the room, then read the events after it.',
    security,
    parameters: [roomParameter],
    responses: {
      '200': { description: 'The position.', content: json('RoomPosition') },
      ...refusals,
    },
  };
  return { '/v1/rooms/{room}/events': { get: events }, '/v1/rooms/{room}/position': { get: positionOf } };
}
