// The digest of an entry. Two stores that have the same digest for an ID have the same entry under it. The Lua scripts
// compute the same digest; see `digestFunctions`.
import { createHash } from 'node:crypto';
import type { Entry } from '../port/entry-log.js';

/**
 * Returns the SHA-1 of the field names and values, in the order of the entry and separated by zero bytes, as 40 hexadecimal digits.
 * @beta
 */
export function entryDigest({ fields }: Entry): string {
  return createHash('sha1').update(Object.entries(fields).flat().join('\0')).digest('hex');
}
