// Sends errors as problem details (RFC 9457), with a text for people and a stable `code` for programs.
import type { FastifyReply } from 'fastify';

/** A problem. Its `type` is a URN with the code, so that it is unique without a web page. */
export interface Problem {
  readonly status: number;
  /** Stable code for programs, listed in docs/errors.md. */
  readonly code: ProblemCode;
  /** Text for people. It repeats no value from the request except event IDs and the name of a tenant. */
  readonly detail: string;
  /** All errors in the events of the request. */
  readonly errors?: readonly ProblemError[];
  readonly retryAfterSeconds?: number;
}

/** One error in an event. */
export interface ProblemError {
  /** Index of the event in the request. 0 if the body is a single event. */
  readonly index: number;
  /** JSON pointer to the wrong value inside the event. */
  readonly path: string;
  readonly rule: string;
  readonly message: string;
}

/** Codes and titles of all problems. */
export const problemTitles = {
  unauthorized: 'An API key is needed',
  forbidden: 'The API key does not allow this',
  token_refused: 'A valid token is needed',
  token_unverified: 'The token cannot be verified now',
  room_forbidden: 'The user may not enter this room',
  origin_not_allowed: 'Pages of this origin are not allowed',
  invalid_parameter: 'A part of the URL is wrong',
  too_many_requests: 'The user sends too much',
  too_many_connections: 'The user has too many connections',
  too_many_rooms: 'The user is in too many rooms',
  room_unavailable: 'The room cannot be read now',
  gateway_stopping: 'The gateway is stopping',
  invalid_json: 'The body is not JSON',
  unsupported_media_type: 'The body must be application/json',
  unsupported_encoding: 'The body must not be compressed',
  body_too_large: 'The body is too large',
  headers_too_large: 'The headers are too large',
  invalid_http: 'The request is not HTTP',
  request_timeout: 'The request did not arrive in time',
  too_many_events: 'Too many events in one request',
  invalid_event: 'An event breaks the contract',
  broker_unavailable: 'The event store cannot be reached',
  stream_refused: 'The event store refuses the stream',
  outbox_full: 'Too much waits for the event store',
  overloaded: 'The gateway is overloaded',
  tenant_rate_limited: 'The tenant publishes too much',
  not_found: 'There is nothing here',
  method_not_allowed: 'The path does not have this method',
  host_not_allowed: 'This host is not allowed in development mode',
  internal: 'The gateway failed',
} as const;

/** Stable codes of HTTP problems. */
export type ProblemCode = keyof typeof problemTitles;

const sentCodes = new WeakMap<FastifyReply, ProblemCode>();

/** Returns the code of the problem that was sent as this reply, for metrics. `undefined` if none was sent. */
export function problemCodeOf(reply: FastifyReply): ProblemCode | undefined {
  return sentCodes.get(reply);
}

/** Sends a problem as the reply. */
export async function sendProblem(reply: FastifyReply, problem: Problem): Promise<void> {
  sentCodes.set(reply, problem.code);
  // Names the accepted encoding, as RFC 9110, section 15.5.16, recommends.
  if (problem.code === 'unsupported_encoding') void reply.header('accept-encoding', 'identity');
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer');
  if (problem.retryAfterSeconds !== undefined) void reply.header('retry-after', problem.retryAfterSeconds);
  await reply.code(problem.status).type('application/problem+json').send(problemBody(problem));
}

/** Returns the problem as JSON text. */
export function problemBody({ status, code, detail, errors }: Problem): string {
  return JSON.stringify({
    type: `urn:millrace:problem:${code}`,
    title: problemTitles[code],
    status,
    detail,
    code,
    ...(errors === undefined ? {} : { errors }),
  });
}
