// Makes the event ID of an entry whose writer gave it none. Pure.
import { hash } from 'node:crypto';

const HEX_OF_VARIANT = '89ab';

/**
 * Returns a UUID in the form of version 4: the first 16 bytes of the SHA-256 of the stream's name, a zero byte and `text`, with the
 * bits of version and variant set. Every gateway makes the same ID.
 * @param stream the stream's name without the key prefix
 * @param text the entry ID, or the ID that another program gave to the event
 */
export function madeEventId(stream: string, text: string): string {
  const hex = hash('sha256', `${stream}\0${text}`, 'hex');
  const variant = HEX_OF_VARIANT[Number.parseInt(hex.charAt(16), 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
