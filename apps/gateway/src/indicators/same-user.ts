// Compares user IDs.
import { userKey } from '@millrace/internal';

/** True when both IDs belong to one user: they are equal, or they are the same UUID in different case. */
export function isSameUser(a: string, b: string): boolean {
  return a === b || (a.length === b.length && userKey(a) === userKey(b));
}
