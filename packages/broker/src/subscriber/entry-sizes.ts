// Estimates how large the entries of each stream are. One read or pass of large entries then takes no longer than one of
// small ones: a thousand entries of a megabyte in one reply would stop the store and fill the memory here.
import type { Entry } from '../port/entry-log.js';

/** Entries sampled per batch, spread over it: enough to notice large ones, too few to cost time. */
const SAMPLES = 4;
/** Assumed size of an entry before the first one was seen. */
const INITIAL_CHARS = 512;

/** Learns from samples. Rises at once to the largest sample of a batch and falls slowly. One number per stream. */
export class EntrySizes {
  readonly #chars = new Map<string, number>();

  /** Samples entries that were read. */
  note(stream: string, entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const step = Math.max(1, Math.floor(entries.length / SAMPLES));
    let largest = 0;
    for (let at = entries.length - 1; at >= 0; at -= step) largest = Math.max(largest, sizeOf(entries[at]));
    const known = this.#chars.get(stream) ?? INITIAL_CHARS;
    this.#chars.set(stream, Math.max(largest, (known * 7 + largest) / 8));
  }

  /** How many entries of `stream` are expected to hold `maxChars`: at least 1, at most `maxCount`. */
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
