/*
 * Reads MessagePack values from the bytes of one message. Arrays and maps grow only with the elements that really follow.
 * Therefore a large length in the message allocates no memory. Every read checks that the message is long enough.
 */
import type { SignalRError } from '../errors.js';
import { malformed } from './json-fields.js';
import { MAXIMUM_DEPTH } from './maximum-depth.js';
import { MessagePackExtension, readTimestamp, TIMESTAMP_TYPE } from './message-pack-extension.js';

/** A cursor over one message. Every method throws SignalRError `malformed_message` when the expected value does not follow. */
export class MessagePackReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Returns the number of elements that follow. */
  readArrayHeader(field: string): number {
    const head = this.#byte();
    if (head >= 0x90 && head <= 0x9f) return head & 0x0f;
    if (head === 0xdc) return this.#uint(2);
    if (head === 0xdd) return this.#uint(4);
    throw malformed(`Reading array length for '${field}' failed.`);
  }

  /** Returns the number of key-value pairs that follow. */
  readMapHeader(field: string): number {
    const head = this.#byte();
    if (head >= 0x80 && head <= 0x8f) return head & 0x0f;
    if (head === 0xde) return this.#uint(2);
    if (head === 0xdf) return this.#uint(4);
    throw malformed(`Reading map length for '${field}' failed.`);
  }

  readInteger(field: string): number {
    const value = this.readValue();
    if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
    throw malformed(`Reading '${field}' as Int64 failed.`);
  }

  readInt32(field: string): number {
    const value = this.readValue();
    if (typeof value === 'number' && (value | 0) === value) return value;
    throw malformed(`Reading '${field}' as Int32 failed.`);
  }

  readBoolean(field: string): boolean {
    const value = this.readValue();
    if (typeof value === 'boolean') return value;
    throw malformed(`Reading '${field}' as Boolean failed.`);
  }

  /** Returns a string that is neither null nor empty. */
  readRequiredString(field: string): string {
    const text = this.readNullableString(field);
    if (text === null || text === '') throw malformed(`Null or empty ${field}.`);
    return text;
  }

  readNullableString(field: string): string | null {
    const head = this.#bytes[this.#offset];
    const isText = head !== undefined && ((head >= 0xa0 && head <= 0xbf) || (head >= 0xd9 && head <= 0xdb));
    if (!isText && head !== 0xc0) throw malformed(`Reading '${field}' as String failed.`);
    const value = this.readValue();
    return typeof value === 'string' ? value : null;
  }

  /** Returns binary data as a view of the message. The caller must read the data immediately, or copy it. */
  readBinaryView(field: string): Buffer {
    const head = this.#byte();
    if (head < 0xc4 || head > 0xc6) throw malformed(`Reading '${field}' as Binary failed.`);
    return this.#take(this.#uint(1 << (head - 0xc4)));
  }

  /** Returns a value of any type. Integers beyond 2^53 are bigints, binary data is a copied `Uint8Array`, timestamps are dates. */
  readValue(depth = 0): unknown {
    if (depth > MAXIMUM_DEPTH) throw malformed('The message is nested too deep.');
    const head = this.#byte();
    if (head < 0x80) return head;
    if (head < 0x90) return this.#map(head & 0x0f, depth);
    if (head < 0xa0) return this.#array(head & 0x0f, depth);
    if (head < 0xc0) return this.#text(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    return this.#tagged(head, depth);
  }

  #tagged(head: number, depth: number): unknown {
    switch (head) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#binary(this.#uint(1 << (head - 0xc4)));
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#uint(1 << (head - 0xc7)));
      case 0xca:
        return this.#bytes.readFloatBE(this.#skip(4));
      case 0xcb:
        return this.#bytes.readDoubleBE(this.#skip(8));
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (head - 0xcc));
      case 0xcf:
        return narrow(this.#bytes.readBigUInt64BE(this.#skip(8)));
      case 0xd0:
        return this.#bytes.readInt8(this.#skip(1));
      case 0xd1:
        return this.#bytes.readInt16BE(this.#skip(2));
      case 0xd2:
        return this.#bytes.readInt32BE(this.#skip(4));
      case 0xd3:
        return narrow(this.#bytes.readBigInt64BE(this.#skip(8)));
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return this.#extension(1 << (head - 0xd4));
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (head - 0xd9)));
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(head === 0xdc ? 2 : 4), depth);
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(head === 0xde ? 2 : 4), depth);
      default:
        throw malformed('The message is not valid MessagePack.');
    }
  }

  #array(count: number, depth: number): unknown[] {
    const values: unknown[] = [];
    for (let index = 0; index < count; index += 1) values.push(this.readValue(depth + 1));
    return values;
  }

  #map(count: number, depth: number): Record<string, unknown> {
    const record: Record<string, unknown> = {};
    for (let index = 0; index < count; index += 1) {
      const key = this.readValue(depth + 1);
      if (typeof key !== 'string' && typeof key !== 'number') {
        throw malformed('A map has a key that is neither a string nor a number.');
      }
      setOwn(record, String(key), this.readValue(depth + 1));
    }
    return record;
  }

  #text(length: number): string {
    const start = this.#skip(length);
    const text = this.#bytes.toString('utf8', start, this.#offset);
    // Invalid UTF-8 becomes U+FFFD. Therefore only a string that contains U+FFFD needs a second check.
    if (
      text.includes('\ufffd') &&
      !Buffer.from(text, 'utf8').equals(this.#bytes.subarray(start, this.#offset))
    ) {
      throw malformed('The message holds text that is not valid UTF-8.');
    }
    return text;
  }

  /** The bytes are copied. A view would keep the whole chunk in memory, and its bytes could change while the hub uses it. */
  #binary(length: number): Uint8Array {
    return new Uint8Array(this.#take(length));
  }

  #extension(length: number): unknown {
    const type = this.#bytes.readInt8(this.#skip(1));
    const bytes = this.#take(length);
    if (type === TIMESTAMP_TYPE) return readTimestamp(bytes);
    return new MessagePackExtension(type, new Uint8Array(bytes));
  }

  #byte(): number {
    const value = this.#bytes[this.#offset];
    if (value === undefined) throw endOfMessage();
    this.#offset += 1;
    return value;
  }

  #uint(bytes: number): number {
    return this.#bytes.readUIntBE(this.#skip(bytes), bytes);
  }

  /** Returns a view of the next bytes. */
  #take(length: number): Buffer {
    const start = this.#skip(length);
    return this.#bytes.subarray(start, this.#offset);
  }

  /** Moves past the next bytes, and returns the offset of the first one. */
  #skip(length: number): number {
    const start = this.#offset;
    if (start + length > this.#bytes.length) throw endOfMessage();
    this.#offset = start + length;
    return start;
  }
}

function endOfMessage(): SignalRError {
  return malformed('The message ends in the middle of a value.');
}

/** Returns an integer as a number if the number is exact, and otherwise as a bigint. */
function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Sets an own property. As in `JSON.parse`, `__proto__` is a key like any other and changes no prototype. */
function setOwn(record: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') record[key] = value;
  else Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
}
