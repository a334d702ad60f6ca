// The routes under /api. Each route identifies the caller and calls a domain class. After a change,
// `onChange` wakes the outbox relay, which publishes the events of the change.
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type {
  ConversationAnswer,
  ErrorAnswer,
  MessageAnswer,
  NotificationsAnswer,
  PeopleAnswer,
  RemoteSessionAnswer,
  SessionAnswer,
  TicketAnswer,
  TicketsAnswer,
  TokenAnswer,
} from '../api-types.js';
import type { PersonRecord } from '../database/rows.js';
import type { Conversations } from '../domain/conversations.js';
import type { Notifications } from '../domain/notifications.js';
import type { People } from '../domain/people.js';
import type { RemoteSessions } from '../domain/remote-sessions.js';
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
  readonly wallMs: () => number;
  /** Issues the token with which this person's pages connect to the gateway. */
  issueToken(person: PersonRecord): Promise<string>;
  /** Called after a change, when the events of the change are in the outbox. */
  onChange(): void;
  onError(error: unknown): void;
}

const answerHeaders = {
  // Answers must not be cached, because they are personal and soon out of date.
  'cache-control': 'no-store',
  // If a browser opens an answer as a page, the page shows text and runs no script.
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
  const { people } = dependencies;

  api.get('/people', (): PeopleAnswer => ({ people: people.list().map(publicPerson) }));

  api.post<{ Body: schemas.SignInBody }>(
    '/sessions',
    { schema: { body: schemas.signInBody } },
    ({ body }): SessionAnswer => {
      const { person, sessionToken } = people.signIn(body.personId, dependencies.wallMs());
      return { person: publicPerson(person), sessionToken, typingExpiryMs: dependencies.typingExpiryMs };
    },
  );

  api.post(
    '/tokens',
    (request): Promise<TokenAnswer> =>
      dependencies.issueToken(callerOf(request, dependencies)).then((accessToken) => ({ accessToken })),
  );
}

function addReadingRoutes(api: FastifyInstance, dependencies: ApiDependencies): void {
  const { conversations, notifications } = dependencies;

  api.get(
    '/tickets',
    (request): TicketsAnswer => ({ tickets: conversations.list(callerOf(request, dependencies)) }),
  );

  api.get<{ Params: schemas.IdParams; Querystring: schemas.RangeQuery }>(
    '/tickets/:id',
    { schema: { params: schemas.idParams, querystring: schemas.rangeQuery } },
    (request): ConversationAnswer => {
      const { after, before } = request.query;
      return conversations.conversation(callerOf(request, dependencies), request.params.id, {
        after: numberOf(after),
        before: numberOf(before),
      });
    },
  );

  api.get(
    '/notifications',
    (request): NotificationsAnswer => ({
      notifications: notifications.list(callerOf(request, dependencies).id),
    }),
  );

  api.put('/notifications/read', (request, reply) => {
    notifications.markAllRead(callerOf(request, dependencies).id);
    return reply.code(204).send();
  });
}

function addTicketRoutes(api: FastifyInstance, dependencies: ApiDependencies): void {
  const { changes, conversations } = dependencies;

  api.post<{ Body: schemas.TicketBody }>(
    '/tickets',
    { schema: { body: schemas.ticketBody } },
    (request): TicketAnswer => {
      const { subject, content } = request.body;
      const ticket = changes.createTicket(callerOf(request, dependencies), subject.trim(), content);
      dependencies.onChange();
      return { ticket };
    },
  );

  api.post<{ Params: schemas.IdParams; Body: schemas.MessageBody }>(
    '/tickets/:id/messages',
    { schema: { params: schemas.idParams, body: schemas.messageBody } },
    (request): MessageAnswer => {
      const { content, clientTempId } = request.body;
      const message = changes.sendMessage(
        callerOf(request, dependencies),
        request.params.id,
        content,
        clientTempId,
      );
      dependencies.onChange();
      return { message };
    },
  );

  api.put<{ Params: schemas.IdParams; Body: schemas.ReadBody }>(
    '/tickets/:id/read',
    { schema: { params: schemas.idParams, body: schemas.readBody } },
    (request, reply) => {
      const person = callerOf(request, dependencies);
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
    (request): TicketAnswer => {
      const ticket = changes.setStatus(
        callerOf(request, dependencies),
        request.params.id,
        request.body.status,
      );
      dependencies.onChange();
      return { ticket };
    },
  );

  api.put<{ Params: schemas.IdParams; Body: schemas.AssigneeBody }>(
    '/tickets/:id/assignee',
    { schema: { params: schemas.idParams, body: schemas.assigneeBody } },
    (request): TicketAnswer => {
      const ticket = changes.assign(
        callerOf(request, dependencies),
        request.params.id,
        request.body.assigneeId,
      );
      dependencies.onChange();
      return { ticket };
    },
  );
}

function addRemoteSessionRoutes(api: FastifyInstance, dependencies: ApiDependencies): void {
  const { remoteSessions } = dependencies;

  api.post<{ Params: schemas.IdParams; Body: schemas.InviteBody }>(
    '/tickets/:id/remote-sessions',
    { schema: { params: schemas.idParams, body: schemas.inviteBody } },
    (request): RemoteSessionAnswer => {
      const remoteSession = remoteSessions.invite(
        callerOf(request, dependencies),
        request.params.id,
        request.body.mode,
      );
      dependencies.onChange();
      return { remoteSession };
    },
  );

  api.put<{ Params: schemas.IdParams; Body: schemas.ActionBody }>(
    '/remote-sessions/:id',
    { schema: { params: schemas.idParams, body: schemas.actionBody } },
    (request): RemoteSessionAnswer => {
      const remoteSession = remoteSessions.act(
        callerOf(request, dependencies),
        request.params.id,
        request.body.action,
      );
      dependencies.onChange();
      return { remoteSession };
    },
  );
}

function callerOf(request: FastifyRequest, dependencies: ApiDependencies): PersonRecord {
  const [, sessionToken] = /^Bearer (\S{1,200})$/.exec(request.headers.authorization ?? '') ?? [];
  return dependencies.people.bySession(sessionToken);
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
    /** Set by Fastify when a schema check failed. */
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

function publicPerson({ id, role, fullName, username, title }: PersonRecord) {
  return { id, role, fullName, username, title };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
