// `GET /v1/rooms/{room}/events` and `GET /v1/rooms/{room}/position`: read a room without a SignalR client, for example from a
// script or a plain browser. The first route answers with a page, waits for the next event (`wait`), or streams (`Accept:
// text/event-stream`).
import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Problem, sendProblem } from '../http/problem.js';
import type { EventsHub } from '../hub/events-hub.js';
import { roomUnavailable } from './failed-join.js';
import { type ReadLimits, readParameters } from './read-parameters.js';
import { problemOfRefusal, type Reader, type ReaderAdmission } from './reader-admission.js';
import { waitForEvents } from './room-poll.js';
import { pageText, type RoomPage, type RoomReads } from './room-reads.js';
import { openRoomStream } from './room-stream.js';

/** Dependencies of the routes. */
export interface ReadRoutesDependencies {
  readonly admission: ReaderAdmission;
  readonly reads: RoomReads;
  readonly listeners: EventsHub['listeners'];
  readonly limits: ReadLimits;
}

type RoomRequest = FastifyRequest<{ Params: { readonly room: string } }>;

/** Adds the routes with which readers get the events and the position of a room. */
export function addReadRoutes(app: FastifyInstance, dependencies: ReadRoutesDependencies): void {
  const { admission, reads } = dependencies;
  app.get('/v1/rooms/:room/events', async (request: RoomRequest, reply) => {
    const reader = await admit(request, reply, admission);
    if (reader !== undefined) await readEvents(request, reply, reader, dependencies);
  });
  app.get('/v1/rooms/:room/position', async (request: RoomRequest, reply) => {
    const reader = await admit(request, reply, admission);
    if (reader === undefined) return;
    await sendJson(reply, JSON.stringify({ room_id: reader.roomId, position: reads.position(reader) }));
  });
  app.options('/v1/rooms/*', async (request, reply) => {
    await reply.code(204).headers(admission.preflightHeaders(request)).send();
  });
}

/** Admits a reader, or answers with the problem. */
async function admit(
  request: RoomRequest,
  reply: FastifyReply,
  admission: ReaderAdmission,
): Promise<Reader | undefined> {
  void reply.headers(admission.corsHeaders(request));
  const admitted = await admission.admit(request, request.params.room);
  if (!('problem' in admitted)) return admitted;
  await sendProblem(reply, admitted.problem);
  return undefined;
}

async function readEvents(
  request: RoomRequest,
  reply: FastifyReply,
  reader: Reader,
  dependencies: ReadRoutesDependencies,
): Promise<void> {
  const { listeners, admission, limits } = dependencies;
  const lastEventId = request.headers['last-event-id'];
  const parameters = readParameters(
    reader.client.request.query,
    typeof lastEventId === 'string' ? lastEventId : undefined,
    limits,
  );
  if ('wrong' in parameters) {
    await sendProblem(reply, { status: 400, code: 'invalid_parameter', detail: parameters.wrong });
    return;
  }
  const { after, limit } = parameters;
  // The answer to HEAD has no body, so nothing is waited for.
  const isHead = request.method === 'HEAD';
  const waitMs = isHead ? 0 : parameters.waitMs;
  if (acceptsEventStream(request.headers.accept)) {
    if (isHead) return sendStreamHead(reply);
    const refusal = await listeners.charge(reader.client, true);
    const problem =
      refusal === undefined
        ? await openRoomStream(listeners, reader, { after, headers: admission.corsHeaders(request) }, reply)
        : problemOfRefusal(refusal);
    if (problem !== undefined) await sendProblem(reply, problem);
    return;
  }
  const page = await dependencies.reads.page(reader, after, { maxEvents: limit });
  if (page === 'unknown') return sendProblem(reply, roomUnavailable);
  const isWorthAnswering = page.events.length > 0 || (after !== undefined && !page.recovered);
  const answer =
    waitMs === 0 || isWorthAnswering
      ? page
      : await poll(reply, reader, { page, limit, waitMs }, dependencies);
  if ('status' in answer) return sendProblem(reply, answer);
  await sendJson(reply, pageText(reader.roomId, answer, dependencies.reads.indicated(reader)));
}

async function poll(
  reply: FastifyReply,
  reader: Reader,
  options: { readonly page: RoomPage; readonly limit: number; readonly waitMs: number },
  dependencies: ReadRoutesDependencies,
): Promise<RoomPage | Problem> {
  const refusal = await dependencies.listeners.charge(reader.client, true);
  if (refusal !== undefined) return problemOfRefusal(refusal);
  return waitForEvents(dependencies, reader, options, reply);
}

function acceptsEventStream(accept: string | undefined): boolean {
  const types = (accept ?? '').split(',').map((part) => part.split(';')[0]?.trim().toLowerCase());
  return types.includes('text/event-stream');
}

/** Answers HEAD as a stream begins, and opens none. A stream has no length, and Fastify would send that of an empty answer. */
function sendStreamHead(reply: FastifyReply): void {
  void reply.hijack();
  const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache,no-store' };
  reply.raw.writeHead(200, { ...(reply.getHeaders() as OutgoingHttpHeaders), ...headers }).end(); // No header is undefined.
}

async function sendJson(reply: FastifyReply, text: string): Promise<void> {
  await reply.type('application/json; charset=utf-8').header('cache-control', 'no-store').send(text);
}
