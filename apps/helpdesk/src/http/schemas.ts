// The shapes of what the API accepts, checked before a handler runs.
import { Enum, Integer, Null, Optional, Object as Shape, type Static, String as Text, Union } from 'typebox';
import { Compile } from 'typebox/compile';
import { maxMessageLength, ticketStatuses } from '../api-types.js';

const id = Text({ pattern: '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' });
// Not only white space: an empty bubble helps nobody.
const line = (maxLength: number) => Text({ minLength: 1, maxLength, pattern: '\\S' });
const closed = { additionalProperties: false };

export const idParams = Shape({ id });
/** Query values are text. */
export const partQuery = Shape(
  { after: Optional(Text({ pattern: '^\\d{1,15}$' })), before: Optional(Text({ pattern: '^\\d{1,15}$' })) },
  closed,
);
export const signInBody = Shape({ personId: id }, closed);
export const ticketBody = Shape({ subject: line(140), content: line(maxMessageLength) }, closed);
export const messageBody = Shape({ content: line(maxMessageLength), clientTempId: line(64) }, closed);
export const readBody = Shape({ sequenceNumber: Integer({ minimum: 1 }) }, closed);
export const statusBody = Shape({ status: Enum([...ticketStatuses]) }, closed);
export const assigneeBody = Shape({ assigneeId: Union([id, Null()]) }, closed);
export const inviteBody = Shape({ mode: Enum(['view', 'control']) }, closed);
export const actionBody = Shape({ action: Enum(['accept', 'decline', 'end']) }, closed);

export type IdParams = Static<typeof idParams>;
export type PartQuery = Static<typeof partQuery>;
export type SignInBody = Static<typeof signInBody>;
export type TicketBody = Static<typeof ticketBody>;
export type MessageBody = Static<typeof messageBody>;
export type ReadBody = Static<typeof readBody>;
export type StatusBody = Static<typeof statusBody>;
export type AssigneeBody = Static<typeof assigneeBody>;
export type InviteBody = Static<typeof inviteBody>;
export type ActionBody = Static<typeof actionBody>;

/** Checks as they are: nothing is converted or removed, as Fastify's own validator would. */
export function compileSchema({
  schema,
}: {
  readonly schema: unknown;
}): (data: unknown) => boolean | { error: Error } {
  // Only schemas of this file come here.
  const check = Compile(schema as typeof idParams);
  return (data) => {
    if (check.Check(data)) return true;
    const [first] = check.Errors(data);
    return {
      error: new Error(`${first?.instancePath ?? ''} ${first?.message ?? 'is not as expected'}`.trim()),
    };
  };
}
