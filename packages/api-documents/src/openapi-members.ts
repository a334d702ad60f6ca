// The part of the OpenAPI document about the members of rooms: removing users, adding them again, and signing them out.
import type { JsonSchema } from '@millrace/contract';

const SECURITY = [{ apiKey: [] }];

function parameter(name: string, description: string): JsonSchema {
  return { name, in: 'path', required: true, description, schema: { type: 'string', minLength: 1 } };
}

const room = parameter('room', 'The ID of the room, percent-encoded.');
const user = parameter('user', 'The ID of the user (the claim `sub`), percent-encoded.');

function problem(description: string): JsonSchema {
  const schema = { $ref: '#/components/schemas/Problem' };
  return { description, content: { 'application/problem+json': { schema } } };
}

const responses: JsonSchema = {
  '200': {
    description: 'Every stream of the room has stored the change.',
    content: { 'application/json': { schema: { $ref: '#/components/schemas/MembershipChange' } } },
  },
  '400': problem('The room ID or the user ID is wrong.'),
  '401': problem('No API key, or a wrong one.'),
  '403': problem('The API key lacks the scope `members`, or is limited to other rooms.'),
  '500': problem('A fault of the gateway.'),
  '503': {
    ...problem('Some streams may not have stored the change. Send the request again.'),
    headers: { 'Retry-After': { description: 'Seconds to wait.', schema: { type: 'integer' } } },
  },
};

function operation(operationId: string, summary: string, description: string): JsonSchema {
  return {
    operationId,
    summary,
    description: `${description} May be repeated.`,
    security: SECURITY,
    responses,
  };
}

/** The paths, by their templates. */
export const memberPaths: JsonSchema = {
  '/v1/rooms/{room}/members/{user}/remove': {
    parameters: [room, user],
    post: operation(
      'removeMember',
      'Remove a user from a room',
      'Nothing that comes later in a stream of the room reaches the user, connected, resuming or reading, on any gateway.',
    ),
  },
  '/v1/rooms/{room}/members/{user}': {
    parameters: [room, user],
    post: operation(
      'addMember',
      'Add a user who was removed',
      'The user may enter the room again, as the token allows.',
    ),
  },
  '/v1/users/{user}/sign-out': {
    parameters: [user],
    post: operation(
      'signOut',
      'Sign a user out everywhere',
      'Closes all connections of the user, and refuses tokens that were issued before.',
    ),
  },
};

/** The schemas of the answers. */
export const memberSchemas: Readonly<Record<string, JsonSchema>> = {
  MembershipChange: {
    title: 'MembershipChange',
    description: 'A change that is stored.',
    type: 'object',
    required: ['user_id', 'is_changed'],
    properties: {
      room_id: { type: 'string', description: 'Left out for a sign-out.' },
      user_id: { type: 'string' },
      is_changed: { type: 'boolean', description: 'False when the change had been stored before.' },
    },
  },
};
