/* The identity of a connection's client, and a function that compares the expiry of two credentials. */

/** The client's identity, as the hub's `authenticate` returned it. */
export interface ConnectionPrincipal {
  readonly userId: string | null;
  readonly user: unknown;
  /** The time when the credentials expire, in milliseconds since 1970. Absent if they do not expire. */
  readonly expiresAtMs?: number;
}

/**
 * Returns how much later the credentials of `newer` expire than the credentials of `known`, in milliseconds.
 * The number is negative if `newer` expires earlier, and 0 if neither of the two ever expires.
 */
export function extensionMs(known: ConnectionPrincipal, newer: ConnectionPrincipal): number {
  const [knownMs, newerMs] = [known.expiresAtMs ?? Infinity, newer.expiresAtMs ?? Infinity];
  return newerMs === knownMs ? 0 : newerMs - knownMs;
}

/** Returns true if the credentials have expired at `wallMs`, in milliseconds since 1970. */
export function hasExpired({ expiresAtMs }: ConnectionPrincipal, wallMs: number): boolean {
  return expiresAtMs !== undefined && wallMs >= expiresAtMs;
}
