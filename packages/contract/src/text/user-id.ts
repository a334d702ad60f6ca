// The IDs of users, as tokens and calls name them.
import { utf8Bytes } from './utf8-bytes.js';

const MAX_USER_ID_BYTES = 200;

/**
 * True for 1 to 200 bytes of UTF-8 without control characters, except for `me`, which is an alias. With `user:` in front, such an ID
 * is a room ID.
 * @public
 */
export function isUserId(text: string): boolean {
  return (
    text !== '' && text !== 'me' && utf8Bytes(text) <= MAX_USER_ID_BYTES && !/[\p{Cc}\p{Cs}]/u.test(text)
  );
}
