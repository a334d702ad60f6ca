// Admits the requests of readers over HTTP. The rules are those for clients of the hub: origin, token, room, and the budget
// of the user.
import { isRoomId } from '@millrace/contract';
import {
  type AllowedOrigins,
  type Authenticate,
  type Authenticated,
  AuthenticationUnavailable,
  bearerTokenOf,
  corsHeaders,
  isOriginAllowed,
  type ListenerClient,
  type ListenerRefusal,
  parseRequestTarget,
  preflightHeaders,
  type RequestInfo,
  requestInfoOf,
} from '@millrace/signalr';
import type { FastifyRequest } from 'fastify';
import type { User } from '../auth/token-verifier.js';
import type { Problem } from '../http/problem.js';
import type { EventsHub } from '../hub/events-hub.js';
import { removedReader, roomUnavailable } from './failed-join.js';
import type { RoomOfReader, RoomReads } from './room-reads.js';

/** An admitted reader. */
export interface Reader extends RoomOfReader {
  readonly client: ListenerClient<User>;
}

/** Dependencies of {@link ReaderAdmission}. */
export interface ReaderAdmissionDependencies {
  readonly authenticate: Authenticate<User>;
  readonly allowedOrigins: AllowedOrigins | undefined;
  readonly listeners: EventsHub['listeners'];
  readonly reads: Pick<RoomReads, 'enter' | 'refusal'>;
  /** Called when a page was refused because its origin is not allowed. */
  onOriginRefused(origin: string): void;
}

/** A refused request. */
export interface Refused {
  readonly problem: Problem;
}

const MAX_SHOWN_ORIGIN_CHARS = 200;

/** See the comment at the top of this file. */
export class ReaderAdmission {
  readonly #dependencies: ReaderAdmissionDependencies;

  constructor(dependencies: ReaderAdmissionDependencies) {
    this.#dependencies = dependencies;
  }

  /** Returns the headers that let a page of an allowed origin read the answer. Returns none for other requests. */
  corsHeaders({ headers }: FastifyRequest): Readonly<Record<string, string>> {
    return this.#isOriginAllowed(headers) ? corsHeaders(headers.origin) : {};
  }

  /** Returns the headers of the answer to a preflight. A page of an origin that is not allowed gets none. */
  preflightHeaders({ headers }: FastifyRequest): Readonly<Record<string, string>> {
    const asked = headers['access-control-request-headers'];
    if (!this.#isOriginAllowed(headers)) return {};
    return { ...corsHeaders(headers.origin), ...preflightHeaders(asked ?? 'authorization, last-event-id') };
  }

  /** Admits a request, or returns the problem that refuses it. */
  async admit(request: FastifyRequest, givenRoomId: string): Promise<Reader | Refused> {
    const { listeners, reads, onOriginRefused } = this.#dependencies;
    if (!this.#isOriginAllowed(request.headers)) {
      onOriginRefused((request.headers.origin ?? '').slice(0, MAX_SHOWN_ORIGIN_CHARS));
      const detail = 'The gateway’s setting MILLRACE_ALLOWED_ORIGINS does not name the origin of this page.';
      return { problem: { status: 403, code: 'origin_not_allowed', detail } };
    }
    // A stopping gateway refuses new readers before it authenticates them.
    if (!listeners.isAccepting)
      return { problem: problemOfRefusal({ reason: 'server_closed', retryAfterMs: 1_000 }) };
    const info = requestInfoOf(request.raw, parseRequestTarget(request.raw.url));
    const identity = await this.#authenticate(info);
    if ('problem' in identity) return identity;
    const client = { request: info, identity };
    const refusal = await listeners.charge(client, false);
    if (refusal !== undefined) return { problem: problemOfRefusal(refusal) };
    if (!isRoomId(givenRoomId)) return { problem: wrongRoom };
    const { user } = identity;
    const entered = await reads.enter(givenRoomId, user);
    if ('roomId' in entered) return { client, user, roomId: entered.roomId };
    return { problem: problemOfRoom(entered.refused, reads.refusal) };
  }

  #isOriginAllowed({ origin, host }: FastifyRequest['headers']): boolean {
    return isOriginAllowed(origin, host, this.#dependencies.allowedOrigins);
  }

  async #authenticate(info: RequestInfo): Promise<Authenticated<User> | Refused> {
    try {
      const asked = { ...info, token: bearerTokenOf(info), stage: 'connect', current: undefined } as const;
      return (await this.#dependencies.authenticate(asked)) ?? { problem: refusedToken };
    } catch (error) {
      if (!(error instanceof AuthenticationUnavailable)) throw error;
      const detail = 'The gateway cannot verify the token now. Send the request again.';
      const retryAfterSeconds = error.retryAfterSeconds;
      return { problem: { status: 503, code: 'token_unverified', detail, retryAfterSeconds } };
    }
  }
}

const refusedToken: Problem = {
  status: 401,
  code: 'token_refused',
  detail: 'Send a valid token, as `Authorization: Bearer <token>` or as the query parameter `access_token`.',
};

const wrongRoom: Problem = {
  status: 400,
  code: 'invalid_parameter',
  detail: 'The room ID must be 1 to 256 bytes of text without control characters, and not reserved.',
};

const undetermined: Problem = {
  ...roomUnavailable,
  detail: 'Whether you may enter this room cannot be determined now. Try again later.',
};

/** Returns the problem of a reader who may not enter a room. `refusal` describes why it is forbidden. */
function problemOfRoom(refused: 'forbidden' | 'removed' | 'unknown', refusal: string): Problem {
  if (refused === 'forbidden') return { status: 403, code: 'room_forbidden', detail: refusal };
  return refused === 'removed' ? removedReader : undetermined;
}

const refusals = {
  server_closed: { status: 503, code: 'gateway_stopping', detail: 'The gateway stops: ask another one.' },
  rate_limited: { status: 429, code: 'too_many_requests', detail: 'Too many requests of this user: wait.' },
  too_many_connections_of_client: {
    status: 429,
    code: 'too_many_connections',
    detail: 'This user has the maximum number of connections: close some of them.',
  },
} as const satisfies Readonly<Record<ListenerRefusal['reason'], Problem>>;

/** Returns the problem for a request that is refused only for now. */
export function problemOfRefusal({ reason, retryAfterMs }: ListenerRefusal): Problem {
  return { ...refusals[reason], retryAfterSeconds: Math.ceil(retryAfterMs / 1_000) };
}
