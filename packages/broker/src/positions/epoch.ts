// Epochs: short random texts that a stream gets anew when it was lost or went back. They also name the stream: positions refer to
// streams by them.
import { randomBytes } from 'node:crypto';

const RANDOM_CHARS = 7;
const MARK_CHARS = 2;
const EPOCH_CHARS = RANDOM_CHARS + MARK_CHARS;

/** A new epoch of a stream: 7 random of `0-9a-z`, about 36 bits, and two that stand for the stream's name. */
export function newEpoch(stream: string): string {
  const random = randomBytes(8).readBigUInt64BE().toString(36).padStart(RANDOM_CHARS, '0');
  return random.slice(-RANDOM_CHARS) + markOf(stream);
}

/** True when `value` can be an epoch: 1 to 16 of `0-9a-z`. */
export function isEpoch(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-z]{1,16}$/.test(value);
}

/** True when an epoch may be one of this stream. An epoch of an earlier build has another length and may be one of any stream. */
export function mayBeEpochOf(epoch: string, stream: string): boolean {
  return epoch.length !== EPOCH_CHARS || epoch.endsWith(markOf(stream));
}

/** FNV-1a of the name's UTF-16 units, as two of `0-9a-z`: the same in every build. */
function markOf(stream: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < stream.length; index++) {
    hash = Math.imul(hash ^ stream.charCodeAt(index), 0x01000193) >>> 0;
  }
  return (hash % 36 ** MARK_CHARS).toString(36).padStart(MARK_CHARS, '0');
}
