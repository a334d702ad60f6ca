// The budgets of tenants, made from the options of a gateway.
import { systemClock } from '@millrace/internal';
import type { TenantLimits } from '../http/tenant-limits.js';
import type { ResolvedGatewayOptions } from '../settings/options.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { TenantConnections } from './tenant-connections.js';
import { TenantRate } from './tenant-rate.js';
import { Tenants, tenantByPattern } from './tenants.js';

/** The tenants of a gateway and their budgets. Gateways do not share these budgets. */
export interface TenantBudgets extends TenantLimits {
  readonly tenants: Tenants;
  /** Limits events published over HTTP. */
  readonly publishRate: TenantRate;
  /**
   * Limits typing events and receipts of clients. It is separate from `publishRate`, so that an import does not stop a
   * tenant's own users.
   */
  readonly clientEventRate: TenantRate;
  readonly connections: TenantConnections;
}

/** Creates the budgets. Returns `undefined` if rooms have no tenants. */
export function createTenantBudgets(
  options: ResolvedGatewayOptions,
  { logger, metrics }: { readonly logger: Logger; readonly metrics: Metrics },
): TenantBudgets | undefined {
  const { tenantOf, tenantPattern, maxConnectionsPerTenant } = options;
  const given = tenantOf ?? (tenantPattern === undefined ? undefined : tenantByPattern(tenantPattern));
  if (given === undefined) return undefined;
  const tenants = new Tenants({
    tenantOf: given,
    onFault(reason, isFirst) {
      metrics.tenantFaults.inc();
      if (isFirst)
        logger.error(
          { reason },
          'tenantOf failed: its room counts as a room without a tenant; later failures are counted only (tenant_faults_total)',
        );
    },
  });
  const rate = {
    tenants,
    perSecond: options.maxTenantEventsPerSecond,
    burst: options.maxTenantEventsBurst,
    monotonicMs: () => systemClock.monotonicMs(),
  };
  return {
    tenants,
    publishRate: new TenantRate(rate),
    clientEventRate: new TenantRate(rate),
    connections: new TenantConnections({
      tenants,
      maxPerTenant: maxConnectionsPerTenant,
      onRefused: () => metrics.tenantRefusals.inc({ reason: 'connections' }),
    }),
    onRefused: () => metrics.tenantRefusals.inc({ reason: 'publish_rate' }),
  };
}
