// Which user an ID means. UUIDs mean the same in upper and in lower case, and programs write them either way; other IDs are
// compared as they are.
import { isUuid } from '@millrace/contract';

/** The same for two IDs of one user, and for no others. */
export function userKey(userId: string): string {
  return isUuid(userId) ? userId.toLowerCase() : userId;
}

/** Whether two IDs mean one user. */
export function isSameUser(a: string, b: string): boolean {
  return a === b || (a.length === b.length && userKey(a) === userKey(b));
}
