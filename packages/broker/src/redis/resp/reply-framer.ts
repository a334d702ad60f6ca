// Finds where each reply of Redis ends in the bytes of a socket, without reading values. RESP2 only: every reply is a line, a bulk
// string or an array of replies. Pure: takes chunks of bytes and returns complete replies.

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const MINUS = 0x2d;
const ZERO = 0x30;
const SIMPLE = 0x2b;
const INTEGER = 0x3a;
const BULK = 0x24;
const ARRAY = 0x2a;
/** Maximum length of a bulk string in Redis, in bytes. */
const MAX_LENGTH = 536_870_912;

/**
 * States: before an item → in its first line → in the body of a bulk string → before the next item. `#missing` is the number
 * of items that the present reply still needs. An array adds its length to it. Keeps only the bytes of the present reply.
 */
export class ReplyFramer {
  readonly #onReply: (reply: Buffer) => void;
  #pieces: Buffer[] = [];
  #missing = 1;
  /** First byte of the line that is being read, or 0 between two lines. */
  #type = 0;
  /** Number in the line that is being read, from the digits that have arrived. */
  #length = 0;
  #isNegative = false;
  /** Number of bytes of the bulk string that have not arrived yet, with its line end. */
  #skip = 0;

  constructor(onReply: (reply: Buffer) => void) {
    this.#onReply = onReply;
  }

  /**
   * Takes the next bytes of the socket.
   * @throws Error if the bytes are not a reply. Nothing may be pushed after that.
   */
  push(chunk: Buffer): void {
    let start = 0;
    let at = 0;
    while (at < chunk.length) {
      if (this.#skip === 0) at = this.#readLine(chunk, at);
      const step = Math.min(this.#skip, chunk.length - at);
      at += step;
      this.#skip -= step;
      if (this.#missing > 0 || this.#skip > 0) continue;
      this.#end(chunk.subarray(start, at));
      start = at;
    }
    if (start < chunk.length) this.#pieces.push(start === 0 ? chunk : chunk.subarray(start));
  }

  #end(last: Buffer): void {
    const reply = this.#pieces.length === 0 ? last : Buffer.concat([...this.#pieces, last]);
    if (this.#pieces.length > 0) this.#pieces = [];
    this.#missing = 1;
    this.#onReply(reply);
  }

  /** Continues to read the first line of an item. Returns the index at which reading stopped. */
  #readLine(chunk: Buffer, from: number): number {
    let at = from;
    if (this.#type === 0) {
      this.#type = chunk[at++] ?? 0;
      this.#length = 0;
      this.#isNegative = false;
    }
    const isText = this.#type === SIMPLE || this.#type === MINUS;
    for (; at < chunk.length; at++) {
      const byte = chunk[at] ?? 0;
      if (byte === LINE_FEED) {
        this.#endLine();
        return at + 1;
      }
      if (isText || byte === CARRIAGE_RETURN) continue;
      const digit = byte - ZERO;
      if (digit >= 0 && digit <= 9) this.#length = this.#length * 10 + digit;
      else if (byte === MINUS && this.#length === 0) this.#isNegative = true;
      else throw noReply();
    }
    return at;
  }

  #endLine(): void {
    const type = this.#type;
    this.#type = 0;
    this.#missing--;
    if (type === SIMPLE || type === MINUS || type === INTEGER) return;
    if ((type !== BULK && type !== ARRAY) || this.#length > MAX_LENGTH) throw noReply();
    if (this.#isNegative) return;
    if (type === BULK) this.#skip = this.#length + 2;
    else this.#missing += this.#length;
  }
}

/**
 * Returns the error for bytes that Redis never sends. Another program listens at the address, or a reply was read to a wrong
 * end.
 */
function noReply(): Error {
  return new Error('Redis answered with bytes that are not a reply');
}
