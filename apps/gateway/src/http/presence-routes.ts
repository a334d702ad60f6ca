// `GET /v1/rooms/{room}/members` and `GET /v1/users/{user}/online`: who is there. Backends ask with an API key; a user may ask for the
// members of a room with a token that opens the room.
import { BrokerError } from '@millrace/broker';
import { isBroadcastRoom, isRoomId, isUserId } from '@millrace/contract';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { personalRoomOf } from '../auth/room-access.js';
import { NO_PRESENCE_OF_EVERYBODY } from '../hub/presence-methods.js';
import type { Presence } from '../presence/presence.js';
import type { ReaderAdmission } from '../reads/reader-admission.js';
import { type ApiKeyGuardOptions, checkApiKey, presentedKeyOf } from './api-key-guard.js';
import { type Problem, sendProblem } from './problem.js';
import type { TenantLimits } from './tenant-limits.js';

/** Dependencies of the routes. */
export interface PresenceRoutesOptions extends ApiKeyGuardOptions {
  /** `undefined` if presence is switched off. */
  readonly presence: Pick<Presence, 'members' | 'online'> | undefined;
  /** Admits users by their tokens. */
  readonly admission: Pick<ReaderAdmission, 'admit' | 'corsHeaders'>;
  /** `undefined` if rooms have no tenants. */
  readonly tenantLimits: Pick<TenantLimits, 'tenants'> | undefined;
}

type RoomRequest = FastifyRequest<{ Params: { readonly room: string } }>;
type UserRequest = FastifyRequest<{ Params: { readonly user: string } }>;

const wrongName: Problem = {
  status: 400,
  code: 'invalid_parameter',
  detail: 'The ID must be 1 to 256 bytes of text without control characters, and not reserved.',
};

const wrongUser: Problem = {
  status: 400,
  code: 'invalid_parameter',
  detail: 'The user ID must be 1 to 200 bytes of text without control characters, and not "me".',
};

const everybody: Problem = { status: 400, code: 'invalid_parameter', detail: NO_PRESENCE_OF_EVERYBODY };

const switchedOff: Problem = {
  status: 404,
  code: 'not_found',
  detail: 'Presence is switched off at this gateway (MILLRACE_PRESENCE).',
};

const unavailable: Problem = {
  status: 503,
  code: 'broker_unavailable',
  detail: 'Presence cannot be read now. Send the request again.',
  retryAfterSeconds: 1,
};

/** Adds the routes. An API key needs the scope `read`. */
export function addPresenceRoutes(app: FastifyInstance, options: PresenceRoutesOptions): void {
  const { presence } = options;
  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<void> =>
    checkApiKey(request, reply, 'read', options);
  app.get('/v1/rooms/:room/members', async (request: RoomRequest, reply) => {
    const { room } = request.params;
    if (!presentsApiKey(request, options)) return answerUser(request, reply, options);
    await checkApiKey(request, reply, 'read', options);
    if (!reply.sent) await answer(reply, problemOf(request, room, options), () => presence?.members(room));
  });
  app.get('/v1/users/:user/online', { onRequest }, async (request: UserRequest, reply) => {
    const { user } = request.params;
    const problem = isUserId(user) ? problemOf(request, personalRoomOf(user), options) : wrongUser;
    await answer(reply, problem, () => presence?.online(user));
  });
}

/** True for the request of a backend. In development mode no key is needed while there are none. */
function presentsApiKey(
  { headers }: FastifyRequest,
  { apiKeys, isDevelopment }: PresenceRoutesOptions,
): boolean {
  const keys = apiKeys();
  if (keys.find(/^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]) !== undefined) return true;
  return isDevelopment && keys.isEmpty;
}

/** Answers a user whose token opens the room, as the hub would. */
async function answerUser(
  request: RoomRequest,
  reply: FastifyReply,
  { presence, admission }: PresenceRoutesOptions,
): Promise<void> {
  void reply.headers(admission.corsHeaders(request));
  const reader = await admission.admit(request, request.params.room);
  if ('problem' in reader) return sendProblem(reply, reader.problem);
  const problem =
    presence === undefined ? switchedOff : isBroadcastRoom(reader.roomId) ? everybody : undefined;
  await answer(reply, problem, () => presence?.members(reader.roomId));
}

async function answer(
  reply: FastifyReply,
  problem: Problem | undefined,
  read: () => Promise<object> | undefined,
): Promise<void> {
  if (problem !== undefined) return sendProblem(reply, problem);
  try {
    await reply.header('cache-control', 'no-store').send(await read());
  } catch (error) {
    // A wrong argument is a fault of the gateway. A client that repeats the request would repeat it forever.
    if (!(error instanceof BrokerError) || error.code === 'invalid_argument') throw error;
    await sendProblem(reply, unavailable);
  }
}

/**
 * Refuses a wrong ID, and a room that the API key does not name. The online state of a user is protected like the user's
 * personal room.
 */
function problemOf(
  request: FastifyRequest,
  roomId: string,
  { presence, tenantLimits, onForbidden }: PresenceRoutesOptions,
): Problem | undefined {
  if (presence === undefined) return switchedOff;
  if (!isRoomId(roomId)) return wrongName;
  if (isBroadcastRoom(roomId)) return everybody;
  const key = presentedKeyOf(request);
  if (key === undefined) return undefined;
  const isForeign = key.tenant !== undefined && tenantLimits?.tenants.of(roomId) !== key.tenant;
  if (!isForeign && key.allowsRoom(roomId)) return undefined;
  onForbidden(key.name);
  return { status: 403, code: 'forbidden', detail: 'This API key may not read who is there.' };
}
