// `DELETE /v1/events/{event_id}`, `DELETE /v1/rooms/{room}/events` and `DELETE /v1/users/{user}/events`: erase events
// permanently.

import { broadcastRoomOf, EVERYBODY_ROOM, isEventId, isRoomId } from '@millrace/contract';
import { messageOf } from '@millrace/internal';
import {
  type ErasureResult,
  type ErasureSelection,
  type Publisher,
  PublisherError,
} from '@millrace/publisher';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { KnownApiKey } from '../auth/api-keys.js';
import { type ApiKeyGuardOptions, checkApiKey, presentedKeyOf } from '../http/api-key-guard.js';
import { sendProblem } from '../http/problem.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Audit, AuditRecord } from '../telemetry/audit.js';
import type { Tenants } from '../tenants/tenants.js';

/** Options and dependencies of the routes. */
export interface ErasureRoutesOptions extends ApiKeyGuardOptions {
  readonly catalog: Pick<ResolvedGatewayOptions['catalog'], 'eventIdRule'>;
  readonly publisher: Pick<Publisher, 'erase'>;
  /** `undefined` if rooms have no tenants. */
  readonly tenants: Pick<Tenants, 'of'> | undefined;
  readonly audit: Audit;
}

/** The parameters of a request before they are checked: from its path, its query and its body. */
interface Parameters {
  readonly Params: { readonly eventId?: string; readonly roomId?: string; readonly userId?: string };
  readonly Querystring: { readonly room_id?: unknown; readonly after?: unknown };
  readonly Body: unknown;
}

/** A wrong parameter. */
interface Fault {
  readonly fault: string;
}

const MAX_USER_ID_CHARS = 256;

/** Adds the routes. They answer 200 with the number of erased events. The number is 0 if there was nothing to erase. */
export function addErasureRoutes(app: FastifyInstance, options: ErasureRoutesOptions): void {
  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<void> =>
    checkApiKey(request, reply, 'erase', options);
  for (const path of ['/v1/events/:eventId', '/v1/rooms/:roomId/events', '/v1/users/:userId/events'])
    app.delete<Parameters>(path, { onRequest }, async (request, reply) => erase(request, reply, options));
}

async function erase(
  request: FastifyRequest<Parameters>,
  reply: FastifyReply,
  options: ErasureRoutesOptions,
): Promise<void> {
  const selection = selectionOf(request, options);
  const { after } = request.query;
  if ('fault' in selection || (after !== undefined && typeof after !== 'string')) {
    const detail = 'fault' in selection ? selection.fault : 'Send `after` once, as it was in the answer.';
    return sendProblem(reply, { status: 400, code: 'invalid_parameter', detail });
  }
  const key = presentedKeyOf(request);
  const act = actOf(selection, key);
  const { tenants } = options;
  try {
    const result = await options.publisher.erase(selection, {
      ...(after === undefined ? {} : { after }),
      mayErase: (event) =>
        key === undefined ||
        (key.forbiddenField(event) === undefined &&
          (key.tenant === undefined || tenants?.of(event.room_id) === key.tenant)),
    });
    const { erased, deadLetters } = result;
    options.audit({
      ...act,
      target: { ...act.target, erased, dead_letters: deadLetters },
      outcome: 'done',
    });
    await reply.send(answerOf(result));
  } catch (error) {
    const reason = messageOf(error);
    options.audit({ ...act, outcome: 'failed', reason });
    if (!(error instanceof PublisherError)) throw error;
    await sendProblem(reply, {
      status: 503,
      code: error.code === 'stream_refused' ? 'stream_refused' : 'broker_unavailable',
      detail: `${error.message} Send the request again.`,
      retryAfterSeconds: Math.ceil((error.retryAfterMs ?? 1_000) / 1_000),
    });
  }
}

function selectionOf(
  request: FastifyRequest<Parameters>,
  { catalog }: ErasureRoutesOptions,
): ErasureSelection | Fault {
  const { params, query, body } = request;
  const { eventId, userId } = params;
  const unknown = unknownPartOf(query, body);
  if (unknown !== undefined) return { fault: unknown };
  const rooms = [params.roomId, query.room_id, roomOf(body)].filter((room) => room !== undefined);
  if (rooms.some((room) => room !== rooms[0]))
    return { fault: 'The path, the query and the body name different rooms.' };
  const given = withinTenant(rooms[0], presentedKeyOf(request));
  if (given !== undefined && !(typeof given === 'string' && isRoomId(given)))
    return { fault: 'The room ID must be 1 to 256 bytes of text without control characters.' };
  const room = given === undefined ? {} : { roomId: given };
  if (eventId !== undefined) {
    if (isEventId(eventId, catalog.eventIdRule)) return { eventId, ...room };
    return { fault: 'The path must end with the ID of an event.' };
  }
  if (userId !== undefined) {
    if (userId !== '' && userId.length <= MAX_USER_ID_CHARS) return { userId, ...room };
    return { fault: `The user ID must have 1 to ${MAX_USER_ID_CHARS} characters.` };
  }
  return given === undefined ? { fault: 'The path must name a room.' } : { roomId: given };
}

/**
 * Names a part of the request that has no meaning. If a misspelt `room_id` were ignored, the events of all rooms would be
 * erased.
 */
function unknownPartOf(query: Parameters['Querystring'], body: unknown): string | undefined {
  const parameter = Object.keys(query).find((name) => !['room_id', 'after'].includes(name));
  if (parameter !== undefined)
    return `${JSON.stringify(parameter)} is not a parameter of this request: they are \`room_id\` and \`after\`.`;
  if (body === undefined || body === null) return undefined;
  if (typeof body !== 'object' || Array.isArray(body))
    return 'The body must be an object, such as {"room_id":"…"}.';
  const member = Object.keys(body).find((name) => name !== 'room_id');
  return member === undefined
    ? undefined
    : `The body has ${JSON.stringify(member)}: it may have only \`room_id\`.`;
}

/** For the key of a tenant, `*` means everybody of this tenant, as it does for publishing. */
function withinTenant(roomId: unknown, key: KnownApiKey | undefined): unknown {
  return roomId === EVERYBODY_ROOM && key?.tenant !== undefined ? broadcastRoomOf(key.tenant) : roomId;
}

function roomOf(body: unknown): unknown {
  return typeof body === 'object' && body !== null && 'room_id' in body ? body.room_id : undefined;
}

function actOf(
  selection: ErasureSelection,
  key: KnownApiKey | undefined,
): Pick<AuditRecord, 'action' | 'by'> & { readonly target: Readonly<Record<string, string>> } {
  const { roomId } = selection;
  const target: Record<string, string> = roomId === undefined ? {} : { room: roomId };
  if ('eventId' in selection) target['event'] = selection.eventId;
  if ('userId' in selection) target['user'] = selection.userId;
  return { action: 'erase', by: key === undefined ? 'development mode' : `key ${key.name}`, target };
}

function answerOf({ erased, deadLetters, isRemoved, kept, next }: ErasureResult): object {
  return {
    erased,
    dead_letters: deadLetters,
    is_removed: isRemoved,
    ...(kept === undefined ? {} : { kept }),
    ...(next === undefined ? {} : { next }),
  };
}
