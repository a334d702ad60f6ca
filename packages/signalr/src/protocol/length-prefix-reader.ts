/*
 * Splits a byte stream into messages that begin with their length. Each byte of the length has seven bits, the lowest bits
 * first. A length has at most five bytes. The size limit is checked as soon as the length is known.
 */
import { SignalRError } from '../errors.js';
import { malformed } from './json-fields.js';

const MAXIMUM_PREFIX_BYTES = 5;
const MAXIMUM_LENGTH = 0x7fff_ffff;
/** Maximum number of pieces before they are joined. Many tiny pieces would take more memory than their bytes. */
const MAXIMUM_PIECES = 64;

type Prefix = { readonly length: number; readonly prefixBytes: number };

/** Returns the length prefix of a message. */
export function writeLengthPrefix(length: number): Buffer {
  const bytes: number[] = [];
  let rest = length;
  do {
    bytes.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    rest = Math.floor(rest / 0x80);
  } while (rest > 0);
  return Buffer.from(bytes);
}

/**
 * Reads messages from chunks of bytes. The unread input is one chunk from `#offset` on. `#pieces` follow it while a message
 * is incomplete. A message above the limit is refused before it is buffered. Therefore the reader keeps less than the limit
 * besides its last chunk.
 */
export class LengthPrefixReader {
  readonly #maximumBytes: number;
  #chunk: Buffer = Buffer.alloc(0);
  #offset = 0;
  #pieces: Buffer[] = [];
  #piecesBytes = 0;
  /**
   * Number of unread bytes that `next` needs to continue: one more byte of the prefix, or the whole message once its prefix
   * is known.
   */
  #neededBytes = 1;

  /** @param maximumBytes maximum size of one message, including its prefix */
  constructor(maximumBytes: number) {
    this.#maximumBytes = maximumBytes;
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    // The bytes are copied, so that a few bytes do not keep a large chunk in memory.
    this.#pieces.push(this.#unread > 0 ? Buffer.from(bytes) : bytes);
    this.#piecesBytes += bytes.length;
    if (this.#pieces.length > MAXIMUM_PIECES) this.#join();
  }

  /**
   * Returns the next message without its prefix, or undefined if more bytes are needed.
   * @throws SignalRError `malformed_message`, `message_too_big`
   */
  next(): Buffer | undefined {
    if (this.#unread < this.#neededBytes) return undefined;
    this.#join();
    const prefix = this.#readPrefix();
    if (prefix === undefined) {
      this.#neededBytes = this.#unread + 1;
      return undefined;
    }
    const totalBytes = prefix.length + prefix.prefixBytes;
    if (totalBytes > this.#maximumBytes) {
      throw new SignalRError(
        'message_too_big',
        `The maximum message size of ${this.#maximumBytes}B was exceeded (option maximumReceiveMessageBytes).`,
      );
    }
    if (this.#unread < totalBytes) {
      this.#neededBytes = totalBytes;
      return undefined;
    }
    const start = this.#offset + prefix.prefixBytes;
    this.#offset += totalBytes;
    this.#neededBytes = 1;
    return this.#chunk.subarray(start, this.#offset);
  }

  get #unread(): number {
    return this.#chunk.length - this.#offset + this.#piecesBytes;
  }

  #join(): void {
    const rest = this.#chunk.subarray(this.#offset);
    if (this.#pieces.length > 0) {
      const [first] = this.#pieces;
      const isSingle = rest.length === 0 && this.#pieces.length === 1 && first !== undefined;
      this.#chunk = isSingle ? first : Buffer.concat([rest, ...this.#pieces]);
      this.#offset = 0;
      this.#pieces = [];
      this.#piecesBytes = 0;
    }
  }

  /** Returns the prefix, or undefined if its last byte has not arrived. */
  #readPrefix(): Prefix | undefined {
    let length = 0;
    for (let index = 0; index < MAXIMUM_PREFIX_BYTES; index += 1) {
      const byte = this.#chunk[this.#offset + index];
      if (byte === undefined) return undefined;
      length += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return { length: checkLength(length), prefixBytes: index + 1 };
    }
    throw malformed('Messages over 2GB in size are not supported.');
  }
}

function checkLength(length: number): number {
  if (length > MAXIMUM_LENGTH) throw malformed('Messages over 2GB in size are not supported.');
  return length;
}
