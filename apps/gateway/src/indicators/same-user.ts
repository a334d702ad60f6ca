// Compares user IDs.
import { userKey } from '@millrace/internal';

/** True for two IDs of one user: equal text, or one UUID in different case. */
export function isSameUser(a: string, b: string): boolean {
  return a === b || (a.length === b.length && userKey(a) === userKey(b));
}
