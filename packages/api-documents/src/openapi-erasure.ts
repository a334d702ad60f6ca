// The part of the OpenAPI document for erasing events: `DELETE /v1/events/{event_id}` and the events of a room or of a user.
import type { JsonSchema } from '@millrace/contract';

const erasure: JsonSchema = {
  title: 'Erasure',
  description: 'The result of an erasure.',
  type: 'object',
  required: ['erased', 'dead_letters', 'is_removed'],
  properties: {
    erased: {
      type: 'integer',
      description: 'Number of events that this request erased. 0 if there was nothing to erase.',
    },
    dead_letters: { type: 'integer', description: 'Number of dead letters that this request removed.' },
    is_removed: {
      type: 'boolean',
      description: 'False if erased events are still in their stream. They leave it within seconds.',
    },
    next: {
      type: 'string',
      description: 'Left out if everything was searched. Otherwise send the request again with this `after`.',
    },
  },
};

/** The schemas of this part. Each key is the name of a schema. */
export const erasureSchemas: readonly (readonly [name: string, schema: JsonSchema])[] = [
  ['Erasure', erasure],
];

function pathParameter(name: string, description: string): JsonSchema {
  return { name, in: 'path', required: true, description, schema: { type: 'string' } };
}

function queryParameter(name: string, description: string): JsonSchema {
  return { name, in: 'query', description, schema: { type: 'string' } };
}

const after = queryParameter('after', 'The `next` of the previous answer, to continue a search.');
const room = queryParameter('room_id', 'The room, if it is known. The search is limited to it.');

function refusal(description: string): JsonSchema {
  return {
    description,
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

const responses: JsonSchema = {
  '200': {
    description: 'The events are erased.',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/Erasure' } } },
  },
  '400': refusal('An ID or a parameter is wrong.'),
  '401': refusal('No API key, or a wrong one.'),
  '403': refusal('The API key does not have the scope `erase`.'),
  '500': refusal('A fault of the gateway.'),
  '503': {
    ...refusal('Some events may be erased. Send the request again.'),
    headers: { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } },
  },
};

function operation(operationId: string, summary: string, parameters: readonly JsonSchema[]): JsonSchema {
  const description =
    'May be repeated. Clients in the room are told. Erases only events that the API key may publish.';
  return { operationId, summary, description, security: [{ apiKey: [] }], parameters, responses };
}

/** The operations of this part, by path and method. */
export const erasurePaths: Readonly<Record<string, Readonly<Record<string, JsonSchema>>>> = {
  '/v1/events/{event_id}': {
    delete: operation('eraseEvent', 'Erase an event', [
      pathParameter('event_id', 'ID of the event.'),
      room,
      after,
    ]),
  },
  '/v1/rooms/{room}/events': {
    delete: operation('eraseRoom', 'Erase all events of a room', [
      pathParameter('room', 'The room ID, escaped for a URL.'),
      after,
    ]),
  },
  '/v1/users/{user_id}/events': {
    delete: operation('eraseUser', 'Erase all events of a user', [
      pathParameter('user_id', 'ID of the user, as the events name it.'),
      room,
      after,
    ]),
  },
};
