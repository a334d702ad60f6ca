// The names under which the broker keeps revocations. Gateways and publishers of all builds must write the same names. Pure.
import { userKey } from '@millrace/internal';

/** A user whose access to one room is revoked, or to everything if `roomId` is left out (a sign-out). @beta */
export interface RevocationSubject {
  readonly userId: string;
  readonly roomId?: string | undefined;
}

/** Returns the name of a revocation. It is the same for all spellings of a user ID that mean one user. @beta */
export function revocationName({ userId, roomId }: RevocationSubject): string {
  return JSON.stringify(
    roomId === undefined ? ['user', userKey(userId)] : ['member', userKey(userId), roomId],
  );
}

/**
 * Reads a name that {@link revocationName} returned. Returns `undefined` for any other text, such as a name of a later build.
 * @beta
 */
export function readRevocationName(name: string): RevocationSubject | undefined {
  const parts = parsed(name);
  if (!Array.isArray(parts) || !parts.every((part) => typeof part === 'string')) return undefined;
  const [kind, userId, roomId] = parts;
  if (userId === undefined) return undefined;
  if (kind === 'user' && parts.length === 2) return { userId };
  return kind === 'member' && parts.length === 3 ? { userId, roomId } : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // No build of Millrace wrote this name.
    return undefined;
  }
}
