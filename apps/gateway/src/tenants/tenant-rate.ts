// Limits the rate at which events are published into the rooms of each tenant.
import { type Rate, RateLimit } from '@millrace/internal';
import { isTenantName } from './tenant.js';
import type { Tenants } from './tenants.js';

/** Options and dependencies of {@link TenantRate}. */
export interface TenantRateOptions extends Rate {
  readonly tenants: Pick<Tenants, 'of'>;
  /** Returns monotonic time in milliseconds. */
  monotonicMs(): number;
}

/** A tenant that publishes too much. */
export interface TenantOverRate extends Rate {
  readonly tenant: string;
  /** Time after which the same events would be accepted. */
  readonly waitMs: number;
}

// Maximum number of tenants whose rate is remembered. Above it, the tenant that has published nothing for the longest time is
// forgotten. Its bucket is full when it publishes again.
const maxTenants = 100_000;

/** The budgets of all tenants for publishing. Rooms without a tenant have no budget. */
export class TenantRate {
  readonly #options: TenantRateOptions;
  readonly #limit: RateLimit;

  constructor(options: TenantRateOptions) {
    this.#options = options;
    this.#limit = new RateLimit({ perSecond: options.perSecond, burst: options.burst, maxKeys: maxTenants });
  }

  /** Returns the tenant's name if the tenant may publish nothing now. */
  checkTenant(tenant: string): TenantOverRate | undefined {
    return this.#check(tenant, 1);
  }

  /**
   * Checks whether one event may be published into each of these rooms. If not, returns the tenant that must
   * wait longest. Takes nothing from the budgets.
   *
   * @param roomIds one room ID for each event
   */
  check(roomIds: readonly string[]): TenantOverRate | undefined {
    let longest: TenantOverRate | undefined;
    for (const [tenant, count] of this.#countByTenant(roomIds)) {
      const found = this.#check(tenant, count);
      if (found !== undefined && found.waitMs > (longest?.waitMs ?? 0)) longest = found;
    }
    return longest;
  }

  /** Takes one event for each of these rooms from the budgets of their tenants. Call it in the same turn as `check`. */
  take(roomIds: readonly string[]): void {
    const timeMs = this.#options.monotonicMs();
    for (const [tenant, count] of this.#countByTenant(roomIds)) this.#limit.take(tenant, timeMs, count);
  }

  #check(tenant: string, count: number): TenantOverRate | undefined {
    const { perSecond, burst } = this.#options;
    const waitMs = this.#limit.waitMs(tenant, this.#options.monotonicMs(), count);
    return waitMs === 0 ? undefined : { tenant, waitMs, perSecond, burst };
  }

  #countByTenant(roomIds: readonly string[]): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const roomId of roomIds) {
      const tenant = this.#options.tenants.of(roomId);
      if (isTenantName(tenant)) counts.set(tenant, (counts.get(tenant) ?? 0) + 1);
    }
    return counts;
  }
}
