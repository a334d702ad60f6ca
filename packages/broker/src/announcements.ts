// Limits, checks and parsing of the names that subscribers announce to each other for a limited time. Every broker uses the same
// rules. Pure.
import { invalid } from './arguments.js';

/** Limits of announcements. */
export const ANNOUNCEMENT_LIMITS = Object.freeze({
  /** Milliseconds after which an announcement expires. They are enough for a short pause of the store or a late renewal. */
  lifetimeMs: 10_000,
  /** Maximum number of names that one subscriber announces, and maximum size of each name in bytes. */
  maxNames: 1_000,
  maxNameBytes: 256,
  /** Maximum number of subscribers whose announcements are kept. Usually, only some tens of gateways share a store. */
  maxSubscribers: 1_000,
});

/** @throws BrokerError `invalid_argument` unless there are at most 1,000 names of at most 256 bytes each */
export function checkNames(names: readonly string[]): void {
  const { maxNames, maxNameBytes } = ANNOUNCEMENT_LIMITS;
  if (names.length > maxNames) throw invalid(`at most ${maxNames} names are announced`);
  if (names.some((name) => Buffer.byteLength(name) > maxNameBytes))
    throw invalid(`a name that is announced has at most ${maxNameBytes} bytes`);
}

/** Returns the names in the announcement texts of several subscribers. A text that cannot be parsed yields no names. */
export function namesIn(texts: readonly string[]): ReadonlySet<string> {
  return new Set(texts.flatMap(namesOf));
}

function namesOf(text: string): string[] {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  } catch {
    // The text is not JSON, so Millrace did not write it.
    return [];
  }
}
