/*
 * Binary values in JSON: base64 text, as .NET writes `byte[]`.
 */

/** `JSON.stringify` with binary values as base64. A value without any costs one walk more, not a replacer. */
export function stringifyJson(value: unknown): string | undefined {
  return hasBytes(value) ? JSON.stringify(value, replaceBytes) : JSON.stringify(value);
}

/** A value inside itself ends in a RangeError, which `JSON.stringify` would answer with an error as well. */
function hasBytes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) return true;
  if (Array.isArray(value)) return value.some(hasBytes);
  for (const key in value) {
    if (hasBytes((value as Readonly<Record<string, unknown>>)[key])) return true; // any object can be read so
  }
  return false;
}

/** Looks at the holder, because a Buffer has become something else by the time it gets here. */
function replaceBytes(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Readonly<Record<string, unknown>>)[key]; // `JSON.stringify` calls with the holder
  if (original instanceof Uint8Array) {
    return Buffer.from(original.buffer, original.byteOffset, original.byteLength).toString('base64');
  }
  return original instanceof ArrayBuffer ? Buffer.from(original).toString('base64') : value;
}
