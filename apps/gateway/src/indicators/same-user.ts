// Tells if two IDs mean one user.
import { userKey } from '@millrace/contract';

/** True for two IDs of one user, UUIDs in whatever case. */
export function isSameUser(a: string, b: string): boolean {
  return a === b || (a.length === b.length && userKey(a) === userKey(b));
}
