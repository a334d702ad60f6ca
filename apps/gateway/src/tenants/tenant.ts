// Names of tenants. A tenant is a customer, a team or another group of rooms whose publishers share budgets.

/** Stands for the tenant of a room that has none. Such rooms have no budgets. */
export const NO_TENANT = '';

/** Stands for the tenant of a room for which the application's function failed. Such rooms have no budgets. */
export const UNKNOWN_TENANT = '\u0000';

const maxNameBytes = 256;

/** True for the name of a tenant: 1 to 256 bytes of text without control characters. */
export function isTenantName(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value !== NO_TENANT &&
    Buffer.byteLength(value) <= maxNameBytes &&
    !/\p{Cc}/u.test(value)
  );
}
