// A short proof that two stores hold the same entry under one ID. The scripts compute the same (`digestFunctions`).
import { createHash } from 'node:crypto';
import type { Entry } from '../port/entry-log.js';

/** SHA-1 over names and values in the order of the entry, separated by a zero byte; 40 hexadecimal digits. */
export function entryDigest({ fields }: Entry): string {
  return createHash('sha1').update(Object.entries(fields).flat().join('\0')).digest('hex');
}
