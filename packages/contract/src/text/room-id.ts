// The check of room ids. Any text is one that people and log lines can carry; whoever builds a key of it escapes what it must.

import { utf8Bytes } from './utf8-bytes.js';

/** Longest room id, in bytes of UTF-8. */
export const MAX_ROOM_ID_BYTES = 256;

// Control characters (C0, DEL, C1), and lone surrogates: they have no UTF-8 form, so two different rooms would share one key.
/** No ASCII control character. Most ids are plain ASCII and need no closer look. */
const NOT_PLAIN_ASCII = /^(?![ -~]+$)/;
const FORBIDDEN = /[\p{Cc}\p{Cs}]/u;
/** Stands for everybody, and is no room of anybody's. */
const EVERYBODY = '*';

/** True for 1 to 256 bytes of UTF-8 without control characters; `*` alone is reserved. */
export function isRoomId(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > MAX_ROOM_ID_BYTES) return false;
  if (!NOT_PLAIN_ASCII.test(text)) return text !== EVERYBODY;
  return !FORBIDDEN.test(text) && utf8Bytes(text) <= MAX_ROOM_ID_BYTES;
}
