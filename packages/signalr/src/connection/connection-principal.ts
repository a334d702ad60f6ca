/*
 * The identity of a connection's client, and a comparison of the expiry of two credentials.
 */

/** The client's identity, as the hub's `authenticate` returned it. */
export interface ConnectionPrincipal {
  readonly userId: string | null;
  readonly user: unknown;
  /** The time when the credentials expire, in milliseconds since 1970. Absent if they do not expire. */
  readonly expiresAtMs?: number;
}

/**
 * Returns the number of milliseconds by which the credentials of `newer` expire after those of `known`. The number is negative if
 * they expire earlier, and 0 if neither expires.
 */
export function extensionMs(known: ConnectionPrincipal, newer: ConnectionPrincipal): number {
  const [knownMs, newerMs] = [known.expiresAtMs ?? Infinity, newer.expiresAtMs ?? Infinity];
  return newerMs === knownMs ? 0 : newerMs - knownMs;
}
