/*
 * Splits a server's bytes into messages. Text messages end with U+001E, and binary messages begin with a VarInt length.
 * Frames and polls may contain different parts of the messages in each run, so only the messages are compared.
 */
const SEPARATOR = 0x1e;

/** Returns the complete messages at the start of `bytes`, with their framing, and the remaining bytes. */
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

/**
 * True for a JSON object, as every handshake is. A MessagePack message of 123 bytes also begins with `{`, but its next byte
 * begins an array.
 */
function isText(bytes: Buffer): boolean {
  return bytes[0] === 0x7b && (bytes[1] === 0x22 || bytes[1] === 0x7d);
}

/** Returns the length of the message with its prefix, or 0 if the prefix is incomplete. */
function prefixedLength(bytes: Buffer): number {
  let length = 0;
  for (let index = 0; index < Math.min(5, bytes.length); index += 1) {
    const byte = bytes[index] ?? 0;
    length += (byte & 0x7f) * 2 ** (7 * index);
    if (byte < 0x80) return index + 1 + length;
  }
  return 0;
}
