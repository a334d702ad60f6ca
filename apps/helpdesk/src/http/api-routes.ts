// The routes under /api. They find out who calls and hand over to the desk; what was changed is published afterwards
// by the outbox's relay, which `onChange` wakes.
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
import type { Changes } from '../desk/changes.js';
import type { Conversations } from '../desk/conversations.js';
import type { Notifications } from '../desk/notifications.js';
import type { People } from '../desk/people.js';
import type { PersonRecord } from '../desk/records.js';
import type { RemoteSessions } from '../desk/remote-sessions.js';
import { HelpdeskError } from '../errors.js';
import * as schemas from './schemas.js';

/** What the routes need. */
export interface ApiPorts {
  readonly people: People;
  readonly conversations: Conversations;
  readonly changes: Changes;
  readonly remoteSessions: RemoteSessions;
  readonly notifications: Notifications;
  readonly typingExpiryMs: number;
  readonly wallMs: () => number;
  /** A token with which this person's pages connect to the gateway. */
  issueToken(person: PersonRecord): Promise<string>;
  /** Something was written that may have to be published. */
  onChange(): void;
  onError(error: unknown): void;
}

/** Adds the API. */
export function addApiRoutes(http: FastifyInstance, ports: ApiPorts): void {
  void http.register(
    async (api) => {
      api.setValidatorCompiler(schemas.compileSchema);
      api.setErrorHandler((error, _request, reply) => refuse(reply, error, ports));
      // Answers are somebody's own, and old in a second.
      api.addHook('onSend', async (_request, reply) => void reply.header('cache-control', 'no-store'));
      addSignInRoutes(api, ports);
      addReadingRoutes(api, ports);
      addTicketRoutes(api, ports);
      addRemoteSessionRoutes(api, ports);
    },
    { prefix: '/api' },
  );
}

function addSignInRoutes(api: FastifyInstance, ports: ApiPorts): void {
  const { people } = ports;

  api.get('/people', (): PeopleAnswer => ({ people: people.list().map(publicPerson) }));

  api.post<{ Body: schemas.SignInBody }>(
    '/sessions',
    { schema: { body: schemas.signInBody } },
    ({ body }): SessionAnswer => {
      const { person, sessionToken } = people.signIn(body.personId, ports.wallMs());
      return { person: publicPerson(person), sessionToken, typingExpiryMs: ports.typingExpiryMs };
    },
  );

  api.post(
    '/tokens',
    (request): Promise<TokenAnswer> =>
      ports.issueToken(callerOf(request, ports)).then((accessToken) => ({ accessToken })),
  );
}

function addReadingRoutes(api: FastifyInstance, ports: ApiPorts): void {
  const { conversations, notifications } = ports;

  api.get(
    '/tickets',
    (request): TicketsAnswer => ({ tickets: conversations.list(callerOf(request, ports)) }),
  );

  api.get<{ Params: schemas.IdParams; Querystring: schemas.PartQuery }>(
    '/tickets/:id',
    { schema: { params: schemas.idParams, querystring: schemas.partQuery } },
    (request): ConversationAnswer => {
      const { after, before } = request.query;
      return conversations.conversation(callerOf(request, ports), request.params.id, {
        after: numberOf(after),
        before: numberOf(before),
      });
    },
  );

  api.get(
    '/notifications',
    (request): NotificationsAnswer => ({ notifications: notifications.list(callerOf(request, ports).id) }),
  );

  api.put('/notifications/read', (request, reply) => {
    notifications.markAllRead(callerOf(request, ports).id);
    return reply.code(204).send();
  });
}

function addTicketRoutes(api: FastifyInstance, ports: ApiPorts): void {
  const { changes, conversations } = ports;

  api.post<{ Body: schemas.TicketBody }>(
    '/tickets',
    { schema: { body: schemas.ticketBody } },
    (request): TicketAnswer => {
      const { subject, content } = request.body;
      const ticket = changes.createTicket(callerOf(request, ports), subject.trim(), content);
      ports.onChange();
      return { ticket };
    },
  );

  api.post<{ Params: schemas.IdParams; Body: schemas.MessageBody }>(
    '/tickets/:id/messages',
    { schema: { params: schemas.idParams, body: schemas.messageBody } },
    (request): MessageAnswer => {
      const { content, clientTempId } = request.body;
      const message = changes.sendMessage(callerOf(request, ports), request.params.id, content, clientTempId);
      ports.onChange();
      return { message };
    },
  );

  api.put<{ Params: schemas.IdParams; Body: schemas.ReadBody }>(
    '/tickets/:id/read',
    { schema: { params: schemas.idParams, body: schemas.readBody } },
    (request, reply) => {
      const person = callerOf(request, ports);
      const { id, lastMessage } = conversations.ticket(person, request.params.id);
      // Nobody has read what was not written yet.
      const readUpTo = Math.min(request.body.sequenceNumber, lastMessage?.sequence_number ?? 0);
      changes.markRead(person, id, readUpTo);
      return reply.code(204).send();
    },
  );

  api.put<{ Params: schemas.IdParams; Body: schemas.StatusBody }>(
    '/tickets/:id/status',
    { schema: { params: schemas.idParams, body: schemas.statusBody } },
    (request): TicketAnswer => {
      const ticket = changes.setStatus(callerOf(request, ports), request.params.id, request.body.status);
      ports.onChange();
      return { ticket };
    },
  );

  api.put<{ Params: schemas.IdParams; Body: schemas.AssigneeBody }>(
    '/tickets/:id/assignee',
    { schema: { params: schemas.idParams, body: schemas.assigneeBody } },
    (request): TicketAnswer => {
      const ticket = changes.assign(callerOf(request, ports), request.params.id, request.body.assigneeId);
      ports.onChange();
      return { ticket };
    },
  );
}

function addRemoteSessionRoutes(api: FastifyInstance, ports: ApiPorts): void {
  const { remoteSessions } = ports;

  api.post<{ Params: schemas.IdParams; Body: schemas.InviteBody }>(
    '/tickets/:id/remote-sessions',
    { schema: { params: schemas.idParams, body: schemas.inviteBody } },
    (request): RemoteSessionAnswer => {
      const remoteSession = remoteSessions.invite(
        callerOf(request, ports),
        request.params.id,
        request.body.mode,
      );
      ports.onChange();
      return { remoteSession };
    },
  );

  api.put<{ Params: schemas.IdParams; Body: schemas.ActionBody }>(
    '/remote-sessions/:id',
    { schema: { params: schemas.idParams, body: schemas.actionBody } },
    (request): RemoteSessionAnswer => {
      const remoteSession = remoteSessions.act(
        callerOf(request, ports),
        request.params.id,
        request.body.action,
      );
      ports.onChange();
      return { remoteSession };
    },
  );
}

function callerOf(request: FastifyRequest, ports: ApiPorts): PersonRecord {
  const [, sessionToken] = /^Bearer (\S{1,200})$/.exec(request.headers.authorization ?? '') ?? [];
  return ports.people.bySession(sessionToken);
}

async function refuse(reply: FastifyReply, error: unknown, ports: ApiPorts): Promise<void> {
  const refusal = refusalOf(error);
  if (refusal.status >= 500) ports.onError(error);
  await reply.code(refusal.status).send(refusal.answer);
}

function refusalOf(error: unknown): { readonly status: number; readonly answer: ErrorAnswer } {
  if (error instanceof HelpdeskError) {
    return { status: error.status, answer: { code: error.code, message: error.message } };
  }
  const { validationContext, statusCode, message } = error as Error & {
    /** Set by Fastify when a schema said no. */
    readonly validationContext?: string;
    readonly statusCode?: number;
  };
  if (validationContext !== undefined) return { status: 422, answer: { code: 'invalid_request', message } };
  if (statusCode !== undefined && statusCode < 500) {
    return {
      status: statusCode,
      answer: { code: 'invalid_request', message: 'The request could not be read.' },
    };
  }
  return { status: 500, answer: { code: 'internal', message: 'The desk could not do this.' } };
}

function publicPerson({ id, role, fullName, username, title }: PersonRecord) {
  return { id, role, fullName, username, title };
}

function numberOf(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}
