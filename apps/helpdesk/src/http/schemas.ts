// The schemas of the requests that the API accepts. Requests are checked before a handler runs.
import { Enum, Integer, Null, Optional, Object as Shape, type Static, String as Text, Union } from 'typebox';
import { Compile } from 'typebox/schema';
import {
  idPattern,
  maxMessageLength,
  maxSearchLength,
  maxSubjectLength,
  ticketStatuses,
} from '../api-types.js';

const id = Text({ pattern: `^${idPattern}$` });
// Text with at least one character that is not white space.
const text = (maxLength: number) => Text({ minLength: 1, maxLength, pattern: '\\S' });
const closed = { additionalProperties: false };

export const idParams = Shape({ id });
/** Query values arrive as text. */
export const rangeQuery = Shape({ after: Optional(Text({ pattern: '^\\d{1,15}$' })) }, closed);
/** Text to search for. An empty text finds every ticket. */
export const ticketsQuery = Shape({ search: Optional(Text({ maxLength: maxSearchLength })) }, closed);
export const signInBody = Shape({ personId: id }, closed);
export const ticketBody = Shape(
  { requesterId: Optional(id), subject: text(maxSubjectLength), content: text(maxMessageLength) },
  closed,
);
export const messageBody = Shape({ content: text(maxMessageLength), clientTempId: text(64) }, closed);
export const readBody = Shape({ sequenceNumber: Integer({ minimum: 1 }) }, closed);
export const statusBody = Shape({ status: Enum([...ticketStatuses]) }, closed);
export const assigneeBody = Shape({ assigneeId: Union([id, Null()]) }, closed);
export const inviteBody = Shape({ mode: Enum(['view', 'control']) }, closed);
export const actionBody = Shape({ action: Enum(['accept', 'decline', 'end']) }, closed);

export type IdParams = Static<typeof idParams>;
export type RangeQuery = Static<typeof rangeQuery>;
export type TicketsQuery = Static<typeof ticketsQuery>;
export type SignInBody = Static<typeof signInBody>;
export type TicketBody = Static<typeof ticketBody>;
export type MessageBody = Static<typeof messageBody>;
export type ReadBody = Static<typeof readBody>;
export type StatusBody = Static<typeof statusBody>;
export type AssigneeBody = Static<typeof assigneeBody>;
export type InviteBody = Static<typeof inviteBody>;
export type ActionBody = Static<typeof actionBody>;

/** Checks requests without changing them. Fastify's own validator would convert or remove values. */
export function compileSchema({
  schema,
}: {
  readonly schema: unknown;
}): (data: unknown) => boolean | { error: Error } {
  // The cast is safe: all schemas come from this file.
  const check = Compile(schema as typeof idParams);
  return (data) => {
    if (check.Check(data)) return true;
    const [, [first]] = check.Errors(data);
    return {
      error: new Error(`${first?.instancePath ?? ''} ${first?.message ?? 'is not as expected'}`.trim()),
    };
  };
}
