// Reads the values of complete replies. Pure.

const MINUS = 0x2d;
const ZERO = 0x30;
const SIMPLE = 0x2b;
const INTEGER = 0x3a;
const BULK = 0x24;
const CARRIAGE_RETURN = 0x0d;

/** An error reply of Redis. */
export class ErrorReply extends Error {}

/** Reads the values of one complete reply, one after the other. */
export class ReplyCursor {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** Reads the number or length in the line at the cursor, and moves to the next line. */
  number(): number {
    const { bytes } = this;
    let at = this.at + 1;
    const isNegative = bytes[at] === MINUS;
    if (isNegative) at++;
    let value = 0;
    for (
      let byte = bytes[at] ?? CARRIAGE_RETURN;
      byte !== CARRIAGE_RETURN;
      byte = bytes[++at] ?? CARRIAGE_RETURN
    )
      value = value * 10 + byte - ZERO;
    this.at = at + 2;
    return isNegative ? -value : value;
  }

  /** Reads a bulk string as UTF-8 text. */
  text(): string {
    const length = this.number();
    const start = this.at;
    this.at = start + length + 2;
    return this.bytes.toString('utf8', start, start + length);
  }

  /** Reads a bulk string in which every byte is ASCII. */
  plainText(): string {
    const length = this.number();
    const start = this.at;
    this.at = start + length + 2;
    return this.bytes.toString('latin1', start, start + length);
  }

  /** Moves past a bulk string and returns true if it has exactly these bytes. Otherwise returns false without moving. */
  skipIf(expected: Buffer): boolean {
    const start = this.at;
    const length = this.number();
    let same = 0;
    while (same < expected.length && this.bytes[this.at + same] === expected[same]) same++;
    const isSame = length === same && same === expected.length;
    this.at = isSame ? this.at + length + 2 : start;
    return isSame;
  }

  /** Moves past a bulk string. */
  skip(): void {
    const length = this.number();
    this.at += Math.max(0, length + 2);
  }

  /** Reads the next value: text, an integer, null, an error or an array of these. */
  value(): unknown {
    const type = this.bytes[this.at];
    if (type === SIMPLE || type === MINUS) return this.#line(type);
    if (type === INTEGER) return this.number();
    const start = this.at;
    const length = this.number();
    if (length < 0) return null;
    if (type === BULK) {
      this.at = start;
      return this.text();
    }
    const items: unknown[] = [];
    for (let n = 0; n < length; n++) items.push(this.value());
    return items;
  }

  #line(type: number): string | ErrorReply {
    const end = this.bytes.indexOf(CARRIAGE_RETURN, this.at);
    const text = this.bytes.toString('utf8', this.at + 1, end);
    this.at = end + 2;
    return type === MINUS ? new ErrorReply(text) : text;
  }
}
