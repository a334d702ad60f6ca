// Checks room IDs. A room ID is any text without control characters. Code that builds a Redis key from a room
// ID escapes the room ID.
import { utf8Bytes } from './utf8-bytes.js';

/** Maximum length of a room ID, in bytes of UTF-8. */
export const MAX_ROOM_ID_BYTES = 256;

/** Matches texts that are NOT plain ASCII. Most IDs are plain ASCII and need no other check. */
const NOT_PLAIN_ASCII = /^(?![ -~]+$)/;
/**
 * Matches control characters (C0, DEL, C1) and lone surrogates. Lone surrogates have no UTF-8 form. Two room IDs that differ only
 * in lone surrogates would share one key.
 */
const FORBIDDEN = /[\p{Cc}\p{Cs}]/u;
/** The reserved ID that means all rooms. */
const EVERYBODY = '*';

/** True for 1 to 256 bytes of UTF-8 without control characters, except for the reserved ID `*`. */
export function isRoomId(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > MAX_ROOM_ID_BYTES) return false;
  if (!NOT_PLAIN_ASCII.test(text)) return text !== EVERYBODY;
  return !FORBIDDEN.test(text) && utf8Bytes(text) <= MAX_ROOM_ID_BYTES;
}
