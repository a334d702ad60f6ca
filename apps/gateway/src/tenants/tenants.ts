// Finds the tenant of a room, with the application's function or the operator's pattern. If the function fails, the room
// counts as one without a tenant, so that no event is lost.
import { EVERYBODY_ROOM, tenantOfBroadcastRoom } from '@millrace/contract';
import { OldestFirstMap, toError } from '@millrace/internal';
import { isTenantName, NO_TENANT, UNKNOWN_TENANT } from './tenant.js';

/** Returns the name of a room's tenant, or `undefined` if the room has none. */
export type TenantOf = (roomId: string) => string | undefined;

// Maximum number of rooms whose tenant is remembered. Above it, the room that was used longest ago is forgotten. Its tenant
// must then be found again.
const maxRooms = 100_000;

/** Dependencies of {@link Tenants}. */
export interface TenantsDependencies {
  readonly tenantOf: TenantOf;
  /**
   * Called when the function has thrown an error or returned a value that is not a name. `reason` does not
   * contain the value.
   * @param isFirst true for the first failure
   */
  onFault(reason: string, isFirst: boolean): void;
}

/** The tenants of all rooms. A room keeps its tenant as long as the room is remembered. */
export class Tenants {
  readonly #dependencies: TenantsDependencies;
  /** Room → tenant. The room that was used longest ago comes first. */
  readonly #known = new OldestFirstMap<string, string>();
  #hasFailed = false;

  constructor(dependencies: TenantsDependencies) {
    this.#dependencies = dependencies;
  }

  /** Returns the name of a room's tenant, `NO_TENANT`, or `UNKNOWN_TENANT` if the function failed. */
  of(roomId: string): string {
    if (roomId === EVERYBODY_ROOM) return NO_TENANT;
    const tenant = this.#known.get(roomId) ?? this.#ask(roomId);
    // A failure is not remembered, because the function may work again later.
    if (tenant === UNKNOWN_TENANT) return tenant;
    this.#known.set(roomId, tenant);
    const oldest = this.#known.size > maxRooms ? this.#known.oldest() : undefined;
    if (oldest !== undefined) this.#known.delete(oldest[0]);
    return tenant;
  }

  #ask(roomId: string): string {
    let answer: unknown = tenantOfBroadcastRoom(roomId);
    if (isTenantName(answer)) return answer;
    try {
      answer = this.#dependencies.tenantOf(roomId);
    } catch (error) {
      const thrown = toError(error);
      return this.#fail(`it threw ${thrown === error ? thrown.name : typeof error}`);
    }
    if (answer === undefined) return NO_TENANT;
    return isTenantName(answer) ? answer : this.#fail(`it returned ${described(answer)}`);
  }

  #fail(reason: string): string {
    this.#dependencies.onFault(reason, !this.#hasFailed);
    this.#hasFailed = true;
    return UNKNOWN_TENANT;
  }
}

function described(answer: unknown): string {
  if (typeof answer === 'string')
    return 'a text that is not a name of 1 to 256 bytes without control characters';
  return answer instanceof Promise
    ? 'a promise'
    : answer === null
      ? 'null'
      : `a value of type ${typeof answer}`;
}

/** Returns the fault of a pattern for room IDs, or `undefined` if the pattern is valid. */
export function faultOfTenantPattern(pattern: string): string | undefined {
  try {
    const { source } = new RegExp(pattern, 'u');
    // With an empty alternative, the pattern matches the empty text. The result then shows the number of its groups.
    const groups = (new RegExp(`${source}|`, 'u').exec('')?.length ?? 1) - 1;
    return groups === 1 ? undefined : `must have one group in parentheses for the tenant, not ${groups}`;
  } catch {
    return 'is not a regular expression';
  }
}

/**
 * Returns a function that finds the tenant of a room ID with a pattern. The tenant is the text of the
 * pattern's group.
 */
export function tenantByPattern(pattern: string): TenantOf {
  const expression = new RegExp(pattern, 'u');
  return (roomId) => expression.exec(roomId)?.[1] || undefined;
}
