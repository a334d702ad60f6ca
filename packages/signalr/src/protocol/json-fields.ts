/*
 * Reads typed fields of one parsed JSON record. Each failure is a `malformed_message` error that names the field, but never its
 * value.
 */
import { isUtf8 } from 'node:buffer';
import { SignalRError } from '../errors.js';
import { parseWithBigints } from './exact-json.js';
import type { MessageHeaders } from './hub-message.js';

export type JsonRecord = Readonly<Record<string, unknown>>;

export function malformed(text: string, cause?: unknown): SignalRError {
  return new SignalRError('malformed_message', text, cause === undefined ? undefined : { cause });
}

/** Parses a record that must be one JSON object in valid UTF-8. */
export function parseJsonRecord(record: Buffer): JsonRecord {
  if (!isUtf8(record)) throw malformed('The message is not valid UTF-8.');
  let value: unknown;
  try {
    value = parseWithBigints(record.toString('utf8'));
  } catch {
    // The cause is left out, because V8 quotes the input in the text of its error.
    throw malformed('Error reading JSON.');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(
      `Unexpected JSON Token Type '${Array.isArray(value) ? 'Array' : 'Value'}'. Expected a JSON Object.`,
    );
  }
  return value as JsonRecord; // An object that is not an array has string keys and unknown values.
}

export function requiredString(record: JsonRecord, name: string): string {
  const value = field(record, name);
  if (value === undefined) throw malformed(`Missing required property '${name}'.`);
  if (typeof value !== 'string') throw malformed(`Expected '${name}' to be of type String.`);
  return value;
}

export function optionalString(record: JsonRecord, name: string): string | undefined {
  const value = field(record, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw malformed(`Expected '${name}' to be of type String.`);
  return value;
}

export function optionalBoolean(record: JsonRecord, name: string): boolean | undefined {
  const value = field(record, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'boolean') throw malformed(`Expected '${name}' to be true or false.`);
  return value;
}

/** Reads an id that must not be empty. Its text is the key of the call in maps, and clients use an empty one for no id. */
export function requiredId(record: JsonRecord, name: string): string {
  const id = requiredString(record, name);
  if (id === '') throw malformed(`Missing required property '${name}'.`);
  return id;
}

/** Reads an integer of 32 bits, as .NET's `Int32`. */
export function requiredInt32(record: JsonRecord, name: string): number {
  const value = requiredInteger(record, name);
  if ((value | 0) !== value) throw malformed(`Expected '${name}' to be an integer of 32 bits.`);
  return value;
}

export function requiredInteger(record: JsonRecord, name: string): number {
  const value = field(record, name);
  if (value === undefined) throw malformed(`Missing required property '${name}'.`);
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw malformed(`Expected '${name}' to be of type Number.`);
  }
  return value;
}

export function requiredArray(record: JsonRecord, name: string): readonly unknown[] {
  const value = field(record, name);
  if (value === undefined) throw malformed(`Missing required property '${name}'.`);
  if (!Array.isArray(value)) throw malformed(`Expected '${name}' to be of type Array.`);
  return value;
}

export function optionalStrings(record: JsonRecord, name: string): readonly string[] | undefined {
  const value = field(record, name);
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string')) {
    throw malformed(`Expected '${name}' to be an array of strings.`);
  }
  return value;
}

export function optionalHeaders(record: JsonRecord): MessageHeaders | undefined {
  const value = field(record, 'headers');
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed("Expected 'headers' to be of type StartObject.");
  }
  if (!Object.values(value).every((header) => typeof header === 'string')) {
    throw malformed('Expected every header to be of type String.');
  }
  return value as MessageHeaders; // The cast is safe: every value was checked to be a string.
}

export function hasField(record: JsonRecord, name: string): boolean {
  return Object.hasOwn(record, name);
}

/**
 * Returns an own property of the record. Ignores inherited properties such as `constructor`, because the client did not send
 * them.
 */
export function field(record: JsonRecord, name: string): unknown {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
