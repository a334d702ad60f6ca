/* The identity of a connection's client, and a function that compares the age of two credentials. */

/** The client's identity, as the hub's `authenticate` returned it. */
export interface ConnectionPrincipal {
  readonly userId: string | null;
  readonly user: unknown;
  /** The time when the credentials were issued, in milliseconds since 1970. Absent if it is unknown. */
  readonly issuedAtMs?: number;
  /** The time when the credentials expire, in milliseconds since 1970. Absent if they do not expire. */
  readonly expiresAtMs?: number;
}

/**
 * Returns how much newer the credentials of `other` are than those of `known`, in milliseconds; negative if they are older. The times
 * of issue decide. Where they are equal or unknown, the times of expiry decide.
 */
export function newerByMs(known: ConnectionPrincipal, other: ConnectionPrincipal): number {
  const issuedMs = (other.issuedAtMs ?? 0) - (known.issuedAtMs ?? 0);
  if (known.issuedAtMs !== undefined && other.issuedAtMs !== undefined && issuedMs !== 0) return issuedMs;
  const [knownMs, otherMs] = [known.expiresAtMs ?? Infinity, other.expiresAtMs ?? Infinity];
  return otherMs === knownMs ? 0 : otherMs - knownMs;
}

/** Returns true if the credentials have expired at `wallMs` (milliseconds since 1970). */
export function hasExpired({ expiresAtMs }: ConnectionPrincipal, wallMs: number): boolean {
  return expiresAtMs !== undefined && wallMs >= expiresAtMs;
}
