// `POST /v1/rooms/{room}/members/{user}/remove`, `POST /v1/rooms/{room}/members/{user}` and `POST /v1/users/{user}/sign-out`, for
// backends that do not use the library. Each may be repeated.
import { isRoomId, isUserId } from '@millrace/contract';
import { type MembershipResult, type Publisher, PublisherError } from '@millrace/publisher';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { personalRoomOf } from '../auth/room-access.js';
import type { Audit, AuditRecord } from '../telemetry/audit.js';
import { type ApiKeyGuardOptions, checkApiKey, presentedKeyOf } from './api-key-guard.js';
import { type Problem, sendProblem } from './problem.js';
import type { TenantLimits } from './tenant-limits.js';

/** Dependencies of the routes. */
export interface MembershipRoutesOptions extends ApiKeyGuardOptions {
  readonly publisher: Pick<Publisher, 'removeMember' | 'addMember' | 'signOut'>;
  /** `undefined` if rooms have no tenants. */
  readonly tenantLimits: Pick<TenantLimits, 'tenants'> | undefined;
  readonly audit: Audit;
}

/** One act that a request asks for. */
interface Act {
  readonly action: Extract<AuditRecord['action'], 'member_remove' | 'member_add' | 'sign_out'>;
  readonly roomId: string | undefined;
  readonly userId: string;
  perform(): Promise<MembershipResult>;
}

type MemberRequest = FastifyRequest<{ Params: { readonly room: string; readonly user: string } }>;
type UserRequest = FastifyRequest<{ Params: { readonly user: string } }>;

/** Adds the routes. They answer 200 when every stream of the room has stored the act. */
export function addMembershipRoutes(app: FastifyInstance, options: MembershipRoutesOptions): void {
  const { publisher } = options;
  const onRequest = async (request: FastifyRequest, reply: FastifyReply): Promise<void> =>
    checkApiKey(request, reply, 'members', options);
  app.post('/v1/rooms/:room/members/:user/remove', { onRequest }, (request: MemberRequest, reply) => {
    const { room: roomId, user: userId } = request.params;
    const perform = (): Promise<MembershipResult> => publisher.removeMember(roomId, userId);
    return answer(request, reply, { action: 'member_remove', roomId, userId, perform }, options);
  });
  app.post('/v1/rooms/:room/members/:user', { onRequest }, (request: MemberRequest, reply) => {
    const { room: roomId, user: userId } = request.params;
    const perform = (): Promise<MembershipResult> => publisher.addMember(roomId, userId);
    return answer(request, reply, { action: 'member_add', roomId, userId, perform }, options);
  });
  app.post('/v1/users/:user/sign-out', { onRequest }, (request: UserRequest, reply) => {
    const { user: userId } = request.params;
    const perform = (): Promise<MembershipResult> => publisher.signOut(userId);
    return answer(request, reply, { action: 'sign_out', roomId: undefined, userId, perform }, options);
  });
}

async function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  act: Act,
  options: MembershipRoutesOptions,
): Promise<void> {
  const problem = faultOf(act) ?? refusalOf(request, act, options);
  if (problem !== undefined) {
    if (problem.code === 'forbidden')
      audit(request, act, options, { outcome: 'refused', reason: problem.detail });
    return sendProblem(reply, problem);
  }
  try {
    const { isChanged } = await act.perform();
    audit(request, act, options, { outcome: 'done' });
    const { roomId, userId } = act;
    await reply.send({
      ...(roomId === undefined ? {} : { room_id: roomId }),
      user_id: userId,
      is_changed: isChanged,
    });
  } catch (error) {
    if (!(error instanceof PublisherError)) throw error;
    if (error.code === 'invalid_argument') return sendProblem(reply, wrongParameter(error.message));
    audit(request, act, options, { outcome: 'failed', reason: error.message });
    await sendProblem(reply, {
      status: 503,
      code: error.code === 'stream_refused' ? 'stream_refused' : 'broker_unavailable',
      detail: 'The change may not be stored in every stream of the room. Send the request again.',
      retryAfterSeconds: Math.ceil((error.retryAfterMs ?? 1_000) / 1000),
    });
  }
}

function faultOf({ roomId, userId }: Act): Problem | undefined {
  if (!isUserId(userId))
    return wrongParameter(
      'The user ID must be 1 to 200 bytes of text without control characters, and not "me".',
    );
  if (roomId === undefined || isRoomId(roomId)) return undefined;
  return wrongParameter(
    'The room ID must be 1 to 256 bytes of text without control characters, and not reserved.',
  );
}

function wrongParameter(detail: string): Problem {
  return { status: 400, code: 'invalid_parameter', detail };
}

/** Refuses an act in a room that the API key does not name. A sign-out counts as an act in the user's personal room. */
function refusalOf(
  request: FastifyRequest,
  { roomId: givenRoomId, userId }: Act,
  { tenantLimits, onForbidden }: MembershipRoutesOptions,
): Problem | undefined {
  const key = presentedKeyOf(request);
  if (key === undefined) return undefined;
  const roomId = givenRoomId ?? personalRoomOf(userId);
  const isForeign = key.tenant !== undefined && tenantLimits?.tenants.of(roomId) !== key.tenant;
  if (!isForeign && key.allowsRoom(roomId)) return undefined;
  onForbidden(key.name);
  const what = givenRoomId === undefined ? 'sign this user out' : 'change the members of this room';
  return { status: 403, code: 'forbidden', detail: `This API key may not ${what}.` };
}

function audit(
  request: FastifyRequest,
  { action, roomId, userId }: Act,
  options: MembershipRoutesOptions,
  result: Pick<AuditRecord, 'outcome' | 'reason'>,
): void {
  const target = { ...(roomId === undefined ? {} : { room_id: roomId }), user_id: userId };
  const key = presentedKeyOf(request);
  const by = key === undefined ? 'development mode' : `key ${key.name}`;
  options.audit({ action, by, target, ...result });
}
