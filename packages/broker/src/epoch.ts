// Epochs: short random texts that tell two lives of one stream apart.
import { randomBytes } from 'node:crypto';

const EPOCH_CHARS = 8;

/** A new epoch: 8 of `0-9a-z`, about 41 random bits. */
export function newEpoch(): string {
  return randomBytes(8).readBigUInt64BE().toString(36).padStart(EPOCH_CHARS, '0').slice(-EPOCH_CHARS);
}

/** Whether `value` can be an epoch: 1 to 16 of `0-9a-z`. */
export function isEpoch(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-z]{1,16}$/.test(value);
}
