// Estimates the size of each stream's entries, so that reads and passes request fewer entries when these are large. A reply
// with a thousand entries of a megabyte would block the store and fill the memory of this process.
import type { Entry } from '../port/entry-log.js';

/**
 * Approximate number of entries that are measured in a batch, spread over the batch. They are enough to notice large entries,
 * and few enough to cost little time.
 */
const SAMPLES = 4;
/** Assumed size of an entry before the first entry was read, in characters. */
const INITIAL_CHARS = 512;

/** Keeps one estimate per stream. It rises at once to the largest sample of a batch, and falls slowly. */
export class EntrySizes {
  readonly #chars = new Map<string, number>();

  /** Updates the estimate of a stream from entries that were read. */
  note(stream: string, entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const step = Math.max(1, Math.floor(entries.length / SAMPLES));
    let largest = 0;
    for (let at = entries.length - 1; at >= 0; at -= step) largest = Math.max(largest, sizeOf(entries[at]));
    const known = this.#chars.get(stream) ?? INITIAL_CHARS;
    this.#chars.set(stream, Math.max(largest, (known * 7 + largest) / 8));
  }

  /** Returns the number of entries of `stream` that are expected to fit into `maxChars`: at least 1, at most `maxCount`. */
  countWithin(stream: string, maxChars: number, maxCount: number): number {
    const chars = this.#chars.get(stream) ?? INITIAL_CHARS;
    return Math.max(1, Math.min(maxCount, Math.floor(maxChars / Math.max(1, chars))));
  }
}

function sizeOf(entry: Entry | undefined): number {
  if (entry?.byteLength !== undefined) return entry.byteLength;
  let chars = 0;
  for (const name in entry?.fields) chars += name.length + (entry?.fields[name] ?? '').length;
  return chars;
}
