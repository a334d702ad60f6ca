// Reads the replies of Redis. They are `unknown` until they have passed through here. In RESP2 every reply is text, a whole number,
// null or an array of these; replies with entries are bytes, as they came.
import { isAscii } from 'node:buffer';
import { BrokerError } from '../../errors.js';
import type { Entry } from '../../port/entry-log.js';
import { ReplyCursor } from '../resp/reply-cursor.js';
import { StoredEntry } from './stored-entry.js';

/** The reply as an array; `null` (nothing) as an empty one. */
export function asArray(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply as readonly unknown[];
  if (reply === null) return [];
  throw unexpected('an array', reply);
}

/** The reply as text. */
export function asText(reply: unknown): string {
  if (typeof reply === 'string') return reply;
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

/** The reply of XRANGE, as it came. */
export function asEntries(reply: unknown): Entry[] {
  const cursor = cursorOf(reply);
  return readEntries(cursor, isAscii(cursor.bytes));
}

/** The reply of XREAD, as it came. */
export function asStreams(reply: unknown): Map<string, readonly Entry[]> {
  const streams = new Map<string, readonly Entry[]>();
  const cursor = cursorOf(reply);
  const isPlain = isAscii(cursor.bytes);
  for (let left = cursor.number(); left > 0; left--) {
    cursor.number();
    streams.set(cursor.text(), readEntries(cursor, isPlain));
  }
  return streams;
}

function readEntries(cursor: ReplyCursor, isPlain: boolean): Entry[] {
  const entries: Entry[] = [];
  for (let left = cursor.number(); left > 0; left--) {
    cursor.number();
    entries.push(new StoredEntry(cursor, isPlain));
  }
  return entries;
}

function cursorOf(reply: unknown): ReplyCursor {
  if (Buffer.isBuffer(reply)) return new ReplyCursor(reply);
  throw unexpected('an array', reply);
}

function unexpected(wanted: string, reply: unknown): BrokerError {
  return new BrokerError('refused', `Redis answered ${typeof reply} where ${wanted} was expected`);
}
