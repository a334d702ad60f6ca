// Limits the number of connections that are in rooms of each tenant.
import { isTenantName } from './tenant.js';
import type { Tenants } from './tenants.js';

/** Options and dependencies of {@link TenantConnections}. */
export interface TenantConnectionsOptions {
  readonly tenants: Pick<Tenants, 'of'>;
  /** Maximum number of connections with at least one room of the same tenant. */
  readonly maxPerTenant: number;
  /** Called when a join was refused. */
  onRefused(): void;
}

/** Counts connections by tenant. A connection counts for a tenant while it is in at least one of the tenant's rooms. */
export class TenantConnections {
  readonly #options: TenantConnectionsOptions;
  /** Tenant → number of its connections. */
  readonly #connections = new Map<string, number>();
  /** Connection → tenant → number of joined rooms. */
  readonly #rooms = new Map<string, Map<string, number>>();

  constructor(options: TenantConnectionsOptions) {
    this.#options = options;
  }

  /** Counts a room that a connection joins. Returns false, and counts nothing, if its tenant has too many connections. */
  tryAdd(connectionId: string, roomId: string): boolean {
    const tenant = this.#options.tenants.of(roomId);
    if (!isTenantName(tenant)) return true;
    const rooms = this.#rooms.get(connectionId) ?? new Map<string, number>();
    const joined = rooms.get(tenant) ?? 0;
    if (joined === 0) {
      const count = this.#connections.get(tenant) ?? 0;
      if (count >= this.#options.maxPerTenant) {
        this.#options.onRefused();
        return false;
      }
      this.#connections.set(tenant, count + 1);
    }
    rooms.set(tenant, joined + 1);
    this.#rooms.set(connectionId, rooms);
    return true;
  }

  /** Counts a room that a connection has left. */
  remove(connectionId: string, roomId: string): void {
    const tenant = this.#options.tenants.of(roomId);
    const rooms = this.#rooms.get(connectionId);
    const joined = rooms?.get(tenant);
    if (rooms === undefined || joined === undefined) return;
    if (joined > 1) {
      rooms.set(tenant, joined - 1);
      return;
    }
    rooms.delete(tenant);
    if (rooms.size === 0) this.#rooms.delete(connectionId);
    this.#release(tenant);
  }

  /** Counts all rooms of a connection as left. */
  removeAll(connectionId: string): void {
    for (const tenant of this.#rooms.get(connectionId)?.keys() ?? []) this.#release(tenant);
    this.#rooms.delete(connectionId);
  }

  #release(tenant: string): void {
    const count = (this.#connections.get(tenant) ?? 1) - 1;
    if (count === 0) this.#connections.delete(tenant);
    else this.#connections.set(tenant, count);
  }
}
