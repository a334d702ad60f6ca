/*
 * Writes JavaScript values as MessagePack, each in its shortest form. A value that JSON does not have (undefined, a function,
 * a symbol) is left out of objects, and is nil where JSON has null. A number that JSON does not have (NaN, Infinity) is refused, as in
 * JSON. Therefore a hub need not know its client's protocol.
 */
import { SignalRError } from '../errors.js';
import { type ExactJson, parseExactJson } from './exact-json.js';
import { JsonText } from './json-text.js';
import { MAXIMUM_DEPTH } from './maximum-depth.js';
import { MessagePackExtension, TIMESTAMP_TYPE, writeTimestamp } from './message-pack-extension.js';

const INITIAL_BYTES = 512;

/** A writer for one message. Its buffer grows as needed. */
export class MessagePackWriter {
  #bytes = Buffer.allocUnsafe(INITIAL_BYTES);
  #length = 0;

  /** The bytes written so far. They are valid until the next write. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  writeNil(): void {
    this.#head(0xc0);
  }

  writeArrayHeader(count: number): void {
    if (count < 16) this.#head(0x90 | count);
    else this.#sized(count, undefined, 0xdc, 0xdd);
  }

  writeMapHeader(count: number): void {
    if (count < 16) this.#head(0x80 | count);
    else this.#sized(count, undefined, 0xde, 0xdf);
  }

  writeString(text: string): void {
    if (this.#shortAscii(text)) return;
    const length = Buffer.byteLength(text, 'utf8');
    if (length < 32) this.#head(0xa0 | length);
    else this.#sized(length, 0xd9, 0xda, 0xdb);
    this.#reserve(length);
    this.#length += this.#bytes.write(text, this.#length, length, 'utf8');
  }

  writeInteger(value: number): void {
    if (value >= 0) {
      if (value < 0x80) this.#head(value);
      else if (value <= 0xffff_ffff) this.#sized(value, 0xcc, 0xcd, 0xce);
      else this.#unsigned64(BigInt(value));
      return;
    }
    if (value >= -0x20) this.#head(0x100 + value);
    else if (value >= -0x80) this.#signed(0xd0, value, 1);
    else if (value >= -0x8000) this.#signed(0xd1, value, 2);
    else if (value >= -0x8000_0000) this.#signed(0xd2, value, 4);
    else this.#signed64(BigInt(value));
  }

  /**
   * @throws SignalRError `unserializable` for a value that is nested too deep or contains itself, for bigints over 64 bits, and for NaN
   *   and infinite numbers
   */
  writeValue(value: unknown, depth = 0): void {
    switch (typeof value) {
      case 'string':
        return this.writeString(value);
      case 'number':
        return this.#number(value);
      case 'boolean':
        return this.#head(value ? 0xc3 : 0xc2);
      case 'bigint':
        return this.#bigint(value);
      case 'object':
        if (value === null) return this.writeNil();
        if (depth > MAXIMUM_DEPTH) throw unserializable('it is nested too deep');
        return this.#object(value, depth);
      case 'undefined':
      case 'function':
      case 'symbol':
        return this.writeNil();
    }
  }

  #object(value: object, depth: number): void {
    if (Array.isArray(value)) this.#array(value, depth);
    else if (value instanceof Uint8Array) this.#binary(value);
    else if (value instanceof ArrayBuffer) this.#binary(new Uint8Array(value));
    else if (value instanceof Date) this.#date(value);
    else if (value instanceof JsonText) this.#json(parseExactJson(value.text), depth + 1);
    else if (value instanceof MessagePackExtension) this.#extension(value.type, value.data);
    else if (value instanceof Map) this.#pairs([...value.keys()], [...value.values()], depth);
    else if ('toJSON' in value && typeof value.toJSON === 'function') {
      this.writeValue(value.toJSON(), depth + 1);
    } else {
      const names = Object.keys(value);
      const fields = names.map((name) => (value as Readonly<Record<string, unknown>>)[name]); // The cast is safe: every object has properties that can be read by name.
      this.#pairs(names, fields, depth);
    }
  }

  /** Writes a value that was read from JSON text. Nothing is omitted, and -0 stays -0. */
  #json(value: ExactJson, depth: number): void {
    if (typeof value === 'string') return this.writeString(value);
    // JSON text may contain a number beyond the range of a double, such as 1e400. Clients of both protocols read it as infinite.
    if (typeof value === 'number')
      return Object.is(value, -0) || !Number.isFinite(value) ? this.#float(value) : this.#number(value);
    if (typeof value !== 'object' || value === null) return this.writeValue(value);
    if (depth > MAXIMUM_DEPTH) throw unserializable('it is nested too deep');
    if (isList(value)) {
      this.writeArrayHeader(value.length);
      for (const item of value) this.#json(item, depth + 1);
      return;
    }
    const members = value instanceof Map ? [...value] : Object.entries(value);
    this.writeMapHeader(members.length);
    for (const [name, member] of members) {
      this.writeString(name);
      this.#json(member, depth + 1);
    }
  }

  /**
   * Writes a string of at most 31 ASCII characters, as most names are. This loop is faster than the two native calls that
   * other strings need. Returns false for any other string, and writes nothing.
   */
  #shortAscii(text: string): boolean {
    const count = text.length;
    if (count > 31) return false;
    this.#reserve(1 + count);
    const start = this.#length + 1;
    for (let index = 0; index < count; index += 1) {
      const code = text.charCodeAt(index);
      if (code > 0x7f) return false;
      this.#bytes[start + index] = code;
    }
    this.#head(0xa0 | count);
    this.#length += count;
    return true;
  }

  #array(values: readonly unknown[], depth: number): void {
    this.writeArrayHeader(values.length);
    for (const value of values) this.writeValue(value, depth + 1);
  }

  /** Writes a map from a list of keys and a list of values. A list of pairs would need an allocation for each pair. */
  #pairs(keys: readonly unknown[], values: readonly unknown[], depth: number): void {
    let count = 0;
    for (const value of values) if (isPresent(value)) count += 1;
    this.writeMapHeader(count);
    for (let index = 0; index < keys.length; index += 1) {
      const value = values[index];
      if (!isPresent(value)) continue;
      this.writeValue(keys[index], depth + 1);
      this.writeValue(value, depth + 1);
    }
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value)) this.writeInteger(value);
    else if (Number.isFinite(value)) this.#float(value);
    else
      throw unserializable(
        `${value} is not a JSON number, and a call must reach the clients of both protocols`,
      );
  }

  #float(value: number): void {
    this.#head(0xcb);
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleBE(value, this.#length);
  }

  #bigint(value: bigint): void {
    const number = Number(value);
    if (Number.isSafeInteger(number)) this.writeInteger(number);
    else if (BigInt.asUintN(64, value) === value) this.#unsigned64(value);
    else if (BigInt.asIntN(64, value) === value) this.#signed64(value);
    else throw unserializable('an integer has more than 64 bits');
  }

  #date(date: Date): void {
    if (Number.isNaN(date.getTime())) this.writeNil();
    else this.#extension(TIMESTAMP_TYPE, writeTimestamp(date));
  }

  #binary(bytes: Uint8Array): void {
    this.#sized(bytes.length, 0xc4, 0xc5, 0xc6);
    this.#append(bytes);
  }

  #extension(type: number, data: Uint8Array): void {
    const fixed = [1, 2, 4, 8, 16].indexOf(data.length);
    if (fixed >= 0) this.#head(0xd4 + fixed);
    else this.#sized(data.length, 0xc7, 0xc8, 0xc9);
    this.#reserve(1);
    this.#length = this.#bytes.writeInt8(type, this.#length);
    this.#append(data);
  }

  #head(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length] = byte;
    this.#length += 1;
  }

  /** Writes a head byte and a number, in the smallest of 8, 16 and 32 bits that can hold the number. */
  #sized(value: number, head8: number | undefined, head16: number, head32: number): void {
    if (head8 !== undefined && value <= 0xff) return this.#unsigned(head8, value, 1);
    if (value <= 0xffff) return this.#unsigned(head16, value, 2);
    return this.#unsigned(head32, value, 4);
  }

  #unsigned(head: number, value: number, bytes: number): void {
    this.#head(head);
    this.#reserve(bytes);
    this.#length = this.#bytes.writeUIntBE(value, this.#length, bytes);
  }

  #signed(head: number, value: number, bytes: number): void {
    this.#head(head);
    this.#reserve(bytes);
    this.#length = this.#bytes.writeIntBE(value, this.#length, bytes);
  }

  #unsigned64(value: bigint): void {
    this.#head(0xcf);
    this.#reserve(8);
    this.#length = this.#bytes.writeBigUInt64BE(value, this.#length);
  }

  #signed64(value: bigint): void {
    this.#head(0xd3);
    this.#reserve(8);
    this.#length = this.#bytes.writeBigInt64BE(value, this.#length);
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** `Array.isArray` alone does not narrow the type to a readonly array. */
function isList(value: object): value is readonly ExactJson[] {
  return Array.isArray(value);
}

/** False for values that `JSON.stringify` omits from an object. */
function isPresent(value: unknown): boolean {
  return value !== undefined && typeof value !== 'function' && typeof value !== 'symbol';
}

function unserializable(why: string): SignalRError {
  return new SignalRError('unserializable', `The value cannot be written as MessagePack: ${why}.`);
}
