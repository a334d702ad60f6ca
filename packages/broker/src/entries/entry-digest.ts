// The digest of an entry proves that two stores hold the same entry under the same ID. The Lua scripts compute the same digest, see
// `digestFunctions`.
import { createHash } from 'node:crypto';
import type { Entry } from '../port/entry-log.js';

/**
 * Returns the SHA-1 of the field names and values, in the order of the entry and separated by zero bytes, as 40 hexadecimal digits.
 */
export function entryDigest({ fields }: Entry): string {
  return createHash('sha1').update(Object.entries(fields).flat().join('\0')).digest('hex');
}
