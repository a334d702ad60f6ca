// The routes under /api. Each route identifies the caller and calls a domain class.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type {
  ConversationAnswer,
  ErrorAnswer,
  Message,
  Notification,
  Person,
  RemoteSession,
  SignInAnswer,
  Ticket,
} from '../api-types.js';
import type { Conversations } from '../domain/conversations.js';
import type { Notifications } from '../domain/notifications.js';
import type { People } from '../domain/people.js';
import type { RemoteSessions } from '../domain/remote-sessions.js';
import { listRoom } from '../domain/rooms.js';
import type { TicketChanges } from '../domain/ticket-changes.js';
import { HelpdeskError } from '../errors.js';
import * as schemas from './schemas.js';

/** Dependencies of the routes. */
export interface ApiDependencies {
  readonly people: People;
  readonly conversations: Conversations;
  readonly changes: TicketChanges;
  readonly remoteSessions: RemoteSessions;
  readonly notifications: Notifications;
  readonly typingExpiryMs: number;
  /** Issues the token with which this person's pages connect to the gateway. */
  issueToken(person: Person): Promise<string>;
  onError(error: unknown): void;
}

const answerHeaders = {
  // Answers are personal and soon out of date, so they must not be cached.
  'cache-control': 'no-store',
  // A browser that opens an answer as a page shows text and runs no script.
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
};

/** Adds the routes of the API. */
export function addApiRoutes(http: FastifyInstance, dependencies: ApiDependencies): void {
  void http.register(
    async (api) => {
      api.setValidatorCompiler(schemas.compileSchema);
      api.setErrorHandler((error, _request, reply) => refuse(reply, error, dependencies));
      api.addHook('onSend', async (_request, reply) => void reply.headers(answerHeaders));
      addSignInRoutes(api, dependencies);
      addReadingRoutes(api, dependencies);
      addTicketRoutes(api, dependencies);
      addRemoteSessionRoutes(api, dependencies);
    },
    { prefix: '/api' },
  );
}

function addSignInRoutes(api: FastifyInstance, dependencies: ApiDependencies): void {
  const { people, typingExpiryMs } = dependencies;

  api.get('/people', (): readonly Person[] => people.list());

  api.post<{ Body: schemas.SignInBody }>(
    '/sessions',
    { schema: { body: schemas.signInBody } },
    ({ body }): SignInAnswer => {
      const { person, sessionToken } = people.signIn(body.personId);
      return { person, sessionToken, typingExpiryMs, listRoomId: listRoom(person) };
    },
  );

  api.post(
    '/tokens',
    async (request): Promise<{ readonly accessToken: string }> => ({
      accessToken: await dependencies.issueToken(callerOf(request, people)),
    }),
  );
}

function addReadingRoutes(api: FastifyInstance, dependencies: ApiDependencies): void {
  const { people, conversations, notifications } = dependencies;

  api.get<{ Querystring: schemas.TicketsQuery }>(
    '/tickets',
    { schema: { querystring: schemas.ticketsQuery } },
    (request): readonly Ticket[] => conversations.list(callerOf(request, people), request.query.search),
  );

  api.get<{ Params: schemas.IdParams; Querystring: schemas.RangeQuery }>(
    '/tickets/:id',
    { schema: { params: schemas.idParams, querystring: schemas.rangeQuery } },
    (request): ConversationAnswer => {
      const { after } = request.query;
      const first = after === undefined ? undefined : Number(after);
      return conversations.conversation(callerOf(request, people), request.params.id, first);
    },
  );

  api.get('/notifications', (request): readonly Notification[] =>
    notifications.list(callerOf(request, people).id),
  );

  api.put('/notifications/read', (request, reply) => {
    notifications.markAllRead(callerOf(request, people).id);
    return reply.code(204).send();
  });
}

function addTicketRoutes(api: FastifyInstance, dependencies: ApiDependencies): void {
  const { people, changes, conversations } = dependencies;

  api.post<{ Body: schemas.TicketBody }>(
    '/tickets',
    { schema: { body: schemas.ticketBody } },
    (request): Ticket => {
      const subject = request.body.subject.trim();
      return changes.createTicket(callerOf(request, people), { ...request.body, subject });
    },
  );

  api.post<{ Params: schemas.IdParams; Body: schemas.MessageBody }>(
    '/tickets/:id/messages',
    { schema: { params: schemas.idParams, body: schemas.messageBody } },
    (request): Message => {
      const { content, clientTempId } = request.body;
      return changes.sendMessage(callerOf(request, people), request.params.id, content, clientTempId);
    },
  );

  api.put<{ Params: schemas.IdParams; Body: schemas.ReadBody }>(
    '/tickets/:id/read',
    { schema: { params: schemas.idParams, body: schemas.readBody } },
    (request, reply) => {
      const person = callerOf(request, people);
      const { id, lastMessage } = conversations.ticket(person, request.params.id);
      // A read position cannot be beyond the last message.
      const readUpTo = Math.min(request.body.sequenceNumber, lastMessage?.sequence_number ?? 0);
      changes.markRead(person, id, readUpTo);
      return reply.code(204).send();
    },
  );

  api.put<{ Params: schemas.IdParams; Body: schemas.StatusBody }>(
    '/tickets/:id/status',
    { schema: { params: schemas.idParams, body: schemas.statusBody } },
    (request): Ticket => changes.setStatus(callerOf(request, people), request.params.id, request.body.status),
  );

  api.put<{ Params: schemas.IdParams; Body: schemas.AssigneeBody }>(
    '/tickets/:id/assignee',
    { schema: { params: schemas.idParams, body: schemas.assigneeBody } },
    (request): Ticket =>
      changes.assign(callerOf(request, people), request.params.id, request.body.assigneeId),
  );
}

function addRemoteSessionRoutes(api: FastifyInstance, { people, remoteSessions }: ApiDependencies): void {
  api.post<{ Params: schemas.IdParams; Body: schemas.InviteBody }>(
    '/tickets/:id/remote-sessions',
    { schema: { params: schemas.idParams, body: schemas.inviteBody } },
    (request): RemoteSession =>
      remoteSessions.invite(callerOf(request, people), request.params.id, request.body.mode),
  );

  api.put<{ Params: schemas.IdParams; Body: schemas.ActionBody }>(
    '/remote-sessions/:id',
    { schema: { params: schemas.idParams, body: schemas.actionBody } },
    (request): RemoteSession =>
      remoteSessions.act(callerOf(request, people), request.params.id, request.body.action),
  );
}

function callerOf(request: FastifyRequest, people: People): Person {
  const [, sessionToken] = /^Bearer (\S{1,200})$/.exec(request.headers.authorization ?? '') ?? [];
  return people.bySession(sessionToken);
}

async function refuse(reply: FastifyReply, error: unknown, dependencies: ApiDependencies): Promise<void> {
  const refusal = refusalOf(error);
  if (refusal.status >= 500) dependencies.onError(error);
  await reply.code(refusal.status).send(refusal.answer);
}

function refusalOf(error: unknown): { readonly status: number; readonly answer: ErrorAnswer } {
  if (error instanceof HelpdeskError) {
    return { status: error.status, answer: { code: error.code, message: error.message } };
  }
  const { validationContext, statusCode, message } = error as Error & {
    /** Fastify sets this field if a schema check failed. */
    readonly validationContext?: string;
    readonly statusCode?: number;
  };
  if (validationContext !== undefined) return { status: 422, answer: { code: 'invalid_request', message } };
  if (statusCode !== undefined && statusCode < 500) {
    return {
      status: statusCode,
      answer: { code: 'invalid_request', message: 'The request could not be parsed.' },
    };
  }
  return {
    status: 500,
    answer: { code: 'internal', message: 'The helpdesk could not complete the request.' },
  };
}
