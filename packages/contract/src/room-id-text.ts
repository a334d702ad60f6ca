// The check of room ids. They become part of keys and log lines, so the rule is strict.

import { utf8Bytes } from './utf8-bytes.js';

/** Longest room id, in bytes of UTF-8. */
export const MAX_ROOM_ID_BYTES = 256;

// Control characters (C0, DEL, C1), braces (they mark the hash tag of a Redis key) and lone surrogates (they
// have no UTF-8 form, so two different rooms would share one key).
/** No ASCII control character, no brace. Most ids are plain ASCII and need no closer look. */
const NOT_PLAIN_ASCII = /^(?![ -z|~]+$)/;
const FORBIDDEN = /[\p{Cc}\p{Cs}{}]/u;

/** True for 1 to 256 bytes of UTF-8 without control characters and braces. */
export function isRoomId(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > MAX_ROOM_ID_BYTES) return false;
  if (!NOT_PLAIN_ASCII.test(text)) return true;
  return !FORBIDDEN.test(text) && utf8Bytes(text) <= MAX_ROOM_ID_BYTES;
}
