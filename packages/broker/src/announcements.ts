// Names that subscribers announce to each other, each for a limited time. Bounds and texts are the same for every broker. Pure.
import { invalid } from './arguments.js';

/** Bounds of announcements. */
export const ANNOUNCEMENT_LIMITS = Object.freeze({
  /** How long an announcement holds: longer than a pause of the store, or a late renewal. */
  lifetimeMs: 10_000,
  /** Names of one subscriber, and bytes of each. */
  maxNames: 1_000,
  maxNameBytes: 256,
  /** Announcements of more subscribers are ignored: some tens of gateways share a store. */
  maxSubscribers: 1_000,
});

/** @throws BrokerError `invalid_argument` */
export function checkNames(names: readonly string[]): void {
  const { maxNames, maxNameBytes } = ANNOUNCEMENT_LIMITS;
  if (names.length > maxNames) throw invalid(`at most ${maxNames} names are announced`);
  if (names.some((name) => Buffer.byteLength(name) > maxNameBytes))
    throw invalid(`a name that is announced has at most ${maxNameBytes} bytes`);
}

/** Names in the texts of several subscribers. A text that cannot be read holds no name. */
export function namesIn(texts: readonly string[]): ReadonlySet<string> {
  return new Set(texts.flatMap(namesOf));
}

function namesOf(text: string): string[] {
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [];
  } catch {
    // Millrace did not write it: it announces nothing.
    return [];
  }
}
