// Reading what Redis answers. Replies are `unknown` until they have passed through here.
// RESP2 is spoken, so every reply is text (bytes where the connection was told so), a whole number, null or an array of these.
import { isUtf8 } from 'node:buffer';
import type { Entry } from '../broker.js';
import { BrokerError } from '../errors.js';

/** The reply as an array; `null` (nothing) as an empty one. */
export function asArray(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply as readonly unknown[];
  if (reply === null) return [];
  throw unexpected('an array', reply);
}

/** The reply as text. */
export function asText(reply: unknown): string {
  if (typeof reply === 'string') return reply;
  if (Buffer.isBuffer(reply)) return reply.toString();
  throw unexpected('text', reply);
}

/** The reply as a number: an integer reply, or text that is one. */
export function asNumber(reply: unknown): number {
  const number = typeof reply === 'string' && reply !== '' ? Number(reply) : reply;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw unexpected('a number', reply);
}

/** Milliseconds since 1970, with fractions, from the two parts of TIME. */
export function asTimeMs(seconds: unknown, microseconds: unknown): number {
  return asNumber(seconds) * 1000 + asNumber(microseconds) / 1000;
}

/** The reply of XRANGE and the inner part of XREAD. */
export function asEntries(reply: unknown): Entry[] {
  return asArray(reply).map((item) => {
    const [id, flat] = asArray(item);
    const texts = asArray(flat).map(asText);
    const entry = { id: asText(id), fields: asFields(texts) };
    return areExact(texts, asArray(flat)) ? entry : { ...entry, isUtf8: false };
  });
}

/** The reply of XREAD. */
export function asStreams(reply: unknown): Map<string, readonly Entry[]> {
  const streams = new Map<string, readonly Entry[]>();
  for (const item of asArray(reply)) {
    const [stream, entries] = asArray(item);
    streams.set(asText(stream), asEntries(entries));
  }
  return streams;
}

/** Alternating names and values. Of a name that stands twice, the last value counts. */
function asFields(flat: readonly string[]): Record<string, string> {
  const fields: Record<string, string> = {};
  for (let at = 0; at + 1 < flat.length; at += 2) {
    setField(fields, flat[at] ?? '', flat[at + 1] ?? '');
  }
  return fields;
}

/** Whether these texts say what the bytes said. Only a text that holds U+FFFD may not: few do, so few bytes are looked at. */
function areExact(texts: readonly string[], parts: readonly unknown[]): boolean {
  return texts.every((text, at) => {
    if (!text.includes('\uFFFD')) return true;
    const bytes = parts[at];
    return !Buffer.isBuffer(bytes) || isUtf8(bytes);
  });
}

/** Assigning to `__proto__` would change the object's prototype instead of storing a field. */
function setField(fields: Record<string, string>, name: string, value: string): void {
  if (name === '__proto__') {
    Object.defineProperty(fields, name, { value, enumerable: true, configurable: true, writable: true });
  } else {
    fields[name] = value;
  }
}

function unexpected(wanted: string, reply: unknown): BrokerError {
  return new BrokerError('refused', `Redis answered ${typeof reply} where ${wanted} was expected`);
}
