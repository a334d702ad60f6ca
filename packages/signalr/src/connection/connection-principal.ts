/*
 * The identity behind a connection, and which of two credentials of one user is the fresher.
 */

/** The client's identity, as the hub's `authenticate` gave it. */
export interface ConnectionPrincipal {
  readonly userId: string | null;
  readonly user: unknown;
  /** When the credentials expire, in milliseconds since 1970; absent when they do not. */
  readonly expiresAtMs?: number;
}

/** Milliseconds by which the credentials of `newer` outlast those of `known`; 0 for two that do not expire. */
export function extensionMs(known: ConnectionPrincipal, newer: ConnectionPrincipal): number {
  const [knownMs, newerMs] = [known.expiresAtMs ?? Infinity, newer.expiresAtMs ?? Infinity];
  return newerMs === knownMs ? 0 : newerMs - knownMs;
}
