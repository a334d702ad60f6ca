// An epoch is a short random text that identifies one history of a stream. A stream gets a new epoch when it was lost or rewound,
// and when another server serves it. Positions refer to streams by their epochs.
import { randomBytes } from 'node:crypto';

const RANDOM_CHARS = 7;
const MARK_CHARS = 2;
const EPOCH_CHARS = RANDOM_CHARS + MARK_CHARS;

/**
 * Returns a new epoch of a stream: 7 random characters of `0-9a-z` (about 36 bits), then 2 characters that are a hash of the
 * stream's name.
 */
export function newEpoch(stream: string): string {
  const random = randomBytes(8).readBigUInt64BE().toString(36).padStart(RANDOM_CHARS, '0');
  return random.slice(-RANDOM_CHARS) + markOf(stream);
}

/** True when `value` can be an epoch: 1 to 16 characters of `0-9a-z`. */
export function isEpoch(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-z]{1,16}$/.test(value);
}

/**
 * True when `epoch` may belong to `stream`. An epoch of an earlier build has another length and may belong to any stream.
 * @beta
 */
export function mayBeEpochOf(epoch: string, stream: string): boolean {
  return epoch.length !== EPOCH_CHARS || epoch.endsWith(markOf(stream));
}

/**
 * Returns a hash of the stream's name as 2 characters of `0-9a-z`: FNV-1a over its UTF-16 code units. The
 * hash is the same in every build.
 */
function markOf(stream: string): string {
  let hash = 0x811c9dc5;
  for (let index = 0; index < stream.length; index++) {
    hash = Math.imul(hash ^ stream.charCodeAt(index), 0x01000193) >>> 0;
  }
  return (hash % 36 ** MARK_CHARS).toString(36).padStart(MARK_CHARS, '0');
}
