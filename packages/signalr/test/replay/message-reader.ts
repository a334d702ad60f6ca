/*
 * Cuts what a server sends into messages: records of text end with U+001E, binary ones have a VarInt length.
 * How messages are spread over frames and polls differs from run to run, so it is not compared.
 */
const SEPARATOR = 0x1e;

/** The messages at the start of `bytes`, with their framing, and what is left of them. */
export function splitMessages(bytes: Buffer): {
  readonly messages: readonly Buffer[];
  readonly rest: Buffer;
} {
  const messages: Buffer[] = [];
  let rest = bytes;
  for (;;) {
    const length = isText(rest) ? rest.indexOf(SEPARATOR) + 1 : prefixedLength(rest);
    if (length === 0 || length > rest.length) return { messages, rest };
    messages.push(rest.subarray(0, length));
    rest = rest.subarray(length);
  }
}

/** JSON, as the handshake always is: an object. A MessagePack message of 123 bytes also begins with `{`, then an array. */
function isText(bytes: Buffer): boolean {
  return bytes[0] === 0x7b && (bytes[1] === 0x22 || bytes[1] === 0x7d);
}

/** Prefix and message; 0 when the prefix is not whole. */
function prefixedLength(bytes: Buffer): number {
  let length = 0;
  for (let index = 0; index < Math.min(5, bytes.length); index += 1) {
    const byte = bytes[index] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return index + 1 + length;
  }
  return 0;
}
