// Applies the budgets of tenants to publishing over HTTP.
import { isRoomId } from '@millrace/contract';
import type { FastifyReply } from 'fastify';
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

/** Refuses a request because its tenant publishes too much. */
export async function sendOverRate(
  reply: FastifyReply,
  { tenant, waitMs, perSecond, burst }: TenantOverRate,
): Promise<void> {
  const seconds = Math.ceil(waitMs / 1000);
  const limit = `${perSecond.toLocaleString('en')} events a second, ${burst.toLocaleString('en')} at once`;
  await sendProblem(reply, {
    status: 429,
    code: 'tenant_rate_limited',
    detail: `Nothing was published. The tenant ${JSON.stringify(tenant)} may publish ${limit}, through this gateway. Send the request again after ${seconds} s.`,
    retryAfterSeconds: seconds,
  });
}
