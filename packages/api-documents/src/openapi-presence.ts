// The part of the OpenAPI document about presence: `GET /v1/rooms/{room}/members` and `GET /v1/users/{user}/online`.
import type { JsonSchema } from '@millrace/contract';

const count = (description: string): JsonSchema => ({ type: 'integer', minimum: 0, description });
const time = (description: string): JsonSchema => ({ type: 'string', format: 'date-time', description });

const member: JsonSchema = {
  title: 'Member',
  description: 'One user who is in the room.',
  type: 'object',
  required: ['user_id', 'username', 'connections', 'since', 'state'],
  properties: {
    user_id: { type: 'string' },
    username: { type: 'string' },
    connections: count('Number of connections of the user in the room, on all gateways.'),
    since: time('When the user entered the room.'),
    state: { description: 'The state that the user set last, as JSON. null if none was set.' },
  },
};

const members: JsonSchema = {
  title: 'Members',
  description: 'Who is in a room.',
  type: 'object',
  required: ['room_id', 'version', 'users', 'connections'],
  properties: {
    room_id: { type: 'string' },
    version: {
      type: 'integer',
      description: 'Rises with every change. Compare it with answers of the same gateway only.',
    },
    users: count('Number of users in the room.'),
    connections: count('Number of their connections.'),
    members: {
      type: 'array',
      description:
        'The users, in the order in which they entered. Left out in a room with more members than MILLRACE_MAX_PRESENCE_MEMBERS.',
      items: { $ref: '#/components/schemas/Member' },
    },
  },
};

const online: JsonSchema = {
  title: 'Online',
  description: 'Whether a user has a connection to any gateway.',
  type: 'object',
  required: ['user_id', 'online', 'connections'],
  properties: {
    user_id: { type: 'string' },
    online: { type: 'boolean' },
    connections: count('Number of connections of the user.'),
    since: time('When the user connected. Left out if the user is not online.'),
  },
};

/** The schemas of this part, by name. */
export const presenceSchemas: readonly (readonly [name: string, schema: JsonSchema])[] = [
  ['Member', member],
  ['Members', members],
  ['Online', online],
];

function refusal(description: string, headers?: JsonSchema): JsonSchema {
  return {
    description,
    ...(headers === undefined ? {} : { headers }),
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
  };
}

const refusals: JsonSchema = {
  '400': refusal('The ID in the path is wrong.'),
  '401': refusal('No API key or token, or a wrong one.'),
  '403': refusal('The API key lacks the scope `read`, or the key or token does not name the room.'),
  '404': refusal('Presence is switched off at this gateway.'),
  '503': refusal('Presence cannot be read now. Send the request again.', {
    'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } },
  }),
};

function get(
  operationId: string,
  summary: string,
  {
    parameter,
    schema,
    security,
  }: { readonly parameter: string; readonly schema: string; readonly security: readonly JsonSchema[] },
): JsonSchema {
  return {
    operationId,
    summary,
    description:
      'True over all gateways. A lost connection counts for MILLRACE_PRESENCE_GRACE_MS, so that a reconnect is not seen.',
    security,
    parameters: [
      {
        name: parameter,
        in: 'path',
        required: true,
        description: `The ID of the ${parameter}, escaped for a URL.`,
        schema: { type: 'string' },
      },
    ],
    responses: {
      '200': {
        description: 'The answer.',
        content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } },
      },
      ...refusals,
    },
  };
}

/** The paths of this part. */
export const presencePaths: JsonSchema = {
  '/v1/rooms/{room}/members': {
    get: get('readMembers', 'Read who is in a room', {
      parameter: 'room',
      schema: 'Members',
      security: [{ apiKey: [] }, { token: [] }, { tokenInQuery: [] }],
    }),
  },
  '/v1/users/{user}/online': {
    get: get('readOnline', 'Read whether a user is connected', {
      parameter: 'user',
      schema: 'Online',
      security: [{ apiKey: [] }],
    }),
  },
};
