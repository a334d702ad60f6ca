// Converts replies of Redis, which are `unknown` at first, to typed values. In RESP2, a reply is text, an integer, null or an
// array of these. A reply with entries arrives here as undecoded bytes.
import { isAscii } from 'node:buffer';
import { BrokerError } from '../../errors.js';
import type { Entry } from '../../port/entry-log.js';
import { ReplyCursor } from '../resp/reply-cursor.js';
import { StoredEntry } from './stored-entry.js';

/** Returns the reply as an array. `null` becomes an empty array. */
export function asArray(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply as readonly unknown[];
  if (reply === null) return [];
  throw unexpected('an array', reply);
}

/** Returns the reply as text. */
export function asText(reply: unknown): string {
  if (typeof reply === 'string') return reply;
  throw unexpected('text', reply);
}

/** Returns the reply as a number. The reply is an integer, or text that contains a number. */
export function asNumber(reply: unknown): number {
  const number = typeof reply === 'string' && reply !== '' ? Number(reply) : reply;
  if (typeof number === 'number' && Number.isFinite(number)) return number;
  throw unexpected('a number', reply);
}

/** Returns milliseconds since 1970, with fractions, from the two numbers that TIME returns. */
export function asTimeMs(seconds: unknown, microseconds: unknown): number {
  return asNumber(seconds) * 1000 + asNumber(microseconds) / 1000;
}

/** Returns the entries in an undecoded reply of XRANGE or XREVRANGE. */
export function asEntries(reply: unknown): Entry[] {
  const cursor = cursorOf(reply);
  return readEntries(cursor, isAscii(cursor.bytes));
}

/** Returns the entries of each stream in an undecoded reply of XREAD. */
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
