// Applies the budgets of tenants to publishing over HTTP.
import { isRoomId } from '@millrace/contract';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TenantOverRate, TenantRate } from '../tenants/tenant-rate.js';
import type { Tenants } from '../tenants/tenants.js';
import { sendProblem } from './problem.js';

/** The limits of tenants that the route applies. */
export interface TenantLimits {
  readonly tenants: Pick<Tenants, 'of'>;
  readonly publishRate: Pick<TenantRate, 'check' | 'checkTenant' | 'take'>;
  /** Called when a request was refused. */
  onRefused(): void;
}

/** Returns the room of every item that has one. The items are not checked yet. */
export function roomsOf(items: readonly unknown[]): readonly string[] {
  return items.flatMap((item) => {
    const roomId = typeof item === 'object' && item !== null && 'room_id' in item ? item.room_id : undefined;
    return typeof roomId === 'string' && isRoomId(roomId) ? [roomId] : [];
  });
}

/**
 * A TCP connection is closed after this number of refusals in a row. A producer that does not wait must then connect again. A
 * proxy that shares the connection among producers loses nothing, because the answer says that it is the last one.
 */
const MAX_REFUSALS_IN_A_ROW = 100;

/** The refusals of each TCP connection since its last accepted request. */
const refusalsInARow = new WeakMap<object, number>();

/** Records that a request of this TCP connection was accepted. */
export function noteAccepted({ raw }: FastifyRequest): void {
  refusalsInARow.delete(raw.socket);
}

/** Refuses a request because its tenant publishes too much. Closes the TCP connection of a producer that persists. */
export async function sendOverRate(
  { raw }: FastifyRequest,
  reply: FastifyReply,
  { tenant, waitMs, perSecond, burst }: TenantOverRate,
): Promise<void> {
  const refusals = (refusalsInARow.get(raw.socket) ?? 0) + 1;
  refusalsInARow.set(raw.socket, refusals);
  if (refusals >= MAX_REFUSALS_IN_A_ROW) void reply.header('connection', 'close');
  const seconds = Math.ceil(waitMs / 1000);
  const limit = `${perSecond.toLocaleString('en')} events a second, ${burst.toLocaleString('en')} at once`;
  await sendProblem(reply, {
    status: 429,
    code: 'tenant_rate_limited',
    detail: `Nothing was published. The tenant ${JSON.stringify(tenant)} may publish ${limit}, through this gateway. Send the request again after ${seconds} s.`,
    retryAfterSeconds: seconds,
  });
}
