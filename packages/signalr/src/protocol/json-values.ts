/*
 * Writes values as JSON text, even values that `JSON.stringify` cannot write. As in .NET, bytes become base64 text, bigints
 * become digits, and dates have no zeros at the end of their fraction. A value that MessagePack cannot represent is refused
 * here, too. Therefore a message to clients of both protocols reaches all of them or none.
 */
import { SignalRError } from '../errors.js';
import { depthOfJsonText, JsonText } from './json-text.js';
import { MAXIMUM_DEPTH } from './maximum-depth.js';
import { PreciseDate } from './message-pack-extension.js';

/**
 * Returns the value as JSON text, or undefined for a value that JSON does not have. A value without bytes, bigints and dates
 * costs one more walk than with `JSON.stringify`. An error of a getter or a `toJSON` of the value is passed on.
 * @throws SignalRError `unserializable` for a value that is nested too deep or contains itself, for bigints over 64 bits, and
 *   for NaN and infinite numbers, which `JSON.stringify` would change to null
 */
export function stringifyJson(value: unknown): string | undefined {
  return needsMore(value, 0) ? write(value, '', 0) : JSON.stringify(value);
}

/** True when the value contains something that `JSON.stringify` cannot write. */
function needsMore(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return !Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint';
  if (depth > MAXIMUM_DEPTH) throw unserializable('it is nested too deep');
  if (value instanceof JsonText || value instanceof Date || bytesOf(value) !== undefined) return true;
  if (Array.isArray(value)) return value.some((item) => needsMore(item, depth + 1));
  for (const key in value) {
    if (needsMore((value as Readonly<Record<string, unknown>>)[key], depth + 1)) return true; // The cast is safe: every object has properties that can be read by name.
  }
  return false;
}

function write(value: unknown, key: string, depth: number): string | undefined {
  if (typeof value === 'bigint') return writeInteger(value);
  if (typeof value === 'number' && !Number.isFinite(value))
    throw unserializable(`${value} is not a JSON number`);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (depth > MAXIMUM_DEPTH) throw unserializable('it is nested too deep');
  if (value instanceof JsonText) {
    if (depth + depthOfJsonText(value) > MAXIMUM_DEPTH) throw unserializable('it is nested too deep');
    return value.text;
  }
  if (value instanceof Date) return writeDate(value);
  const bytes = bytesOf(value);
  if (bytes !== undefined) return `"${bytes.toString('base64')}"`;
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    return write(value.toJSON(key), key, depth + 1);
  }
  if (Array.isArray(value)) {
    return `[${value.map((item, index) => write(item, String(index), depth + 1) ?? 'null').join(',')}]`;
  }
  return isBoxed(value) ? JSON.stringify(value) : writeFields(value, depth);
}

/** Writes a date as .NET does: ISO 8601 in UTC, without zeros at the end of the fraction. An invalid date is null, as in JSON. */
function writeDate(date: Date): string {
  if (Number.isNaN(date.getTime())) return 'null';
  const rest = date instanceof PreciseDate ? String(date.nanoseconds).padStart(6, '0') : '';
  return `"${date
    .toISOString()
    .replace('Z', `${rest}Z`)
    .replace(/\.?0+Z$/, 'Z')}"`;
}

/** True for a String, Number or Boolean object, which JSON writes as a primitive value. */
function isBoxed(value: object): boolean {
  return /^\[object (String|Number|Boolean)\]$/.test(Object.prototype.toString.call(value));
}

function writeFields(value: object, depth: number): string {
  const fields = Object.entries(value).flatMap(([name, field]) => {
    const text = write(field, name, depth + 1);
    return text === undefined ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return `{${fields.join(',')}}`;
}

function writeInteger(value: bigint): string {
  if (BigInt.asUintN(64, value) === value || BigInt.asIntN(64, value) === value) return String(value);
  throw unserializable('an integer has more than 64 bits');
}

function bytesOf(value: object): Buffer | undefined {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  return value instanceof ArrayBuffer ? Buffer.from(value) : undefined;
}

function unserializable(why: string): SignalRError {
  return new SignalRError('unserializable', `The value cannot be written as JSON: ${why}.`);
}
