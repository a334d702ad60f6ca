// Compares the published events (the inputs) with the stream entries into which they were coalesced. Finds how many fewer
// entries there are, how late they arrive, and how many are out of order.
import type { SentInput } from './typing-publisher.js';

/** An entry as it arrived at a reader. */
export interface ArrivedEntry {
  readonly eventId: string;
  readonly count: number;
  readonly atMs: number;
}

/** The result of one run. */
export interface Judgement {
  readonly inputs: number;
  readonly entries: number;
  /** For each input, the time from its publish call to the arrival of the entry that covers it. */
  readonly latenciesMs: readonly number[];
  /** Number of entries that arrived after a later entry of the same user. */
  readonly behind: number;
}

/**
 * Matches each input with its entry: the first entry of its room and user whose last input is not older.
 * @throws Error if the counts of the entries do not add up to the number of inputs, or if an input has no entry
 */
export function judge(sent: readonly SentInput[], entriesRead: readonly ArrivedEntry[]): Judgement {
  // A flush that takes longer than its lease is repeated with the same event IDs. Gateways accept only the first entry with
  // an ID.
  const seen = new Set<string>();
  const arrived = entriesRead.filter(({ eventId }) => seen.size < seen.add(eventId).size);
  const total = arrived.reduce((sum, { count }) => sum + count, 0);
  if (total !== sent.length) throw new Error(`${sent.length} events went in, and ${total} were counted`);
  const byId = new Map(sent.map((input) => [input.eventId, input]));
  const entries = new Map<string, { readonly upToMs: number; readonly atMs: number }[]>();
  let behind = 0;
  for (const { eventId, atMs } of arrived) {
    const last = byId.get(eventId);
    if (last === undefined) throw new Error('an entry is none of the events that went in');
    const own = entries.get(last.indicator) ?? [];
    if ((own.at(-1)?.upToMs ?? 0) > last.atMs) behind++;
    own.push({ upToMs: last.atMs, atMs });
    entries.set(last.indicator, own);
  }
  const latenciesMs = sent.map(({ indicator, atMs }) => {
    const entry = entries.get(indicator)?.find(({ upToMs }) => upToMs >= atMs);
    if (entry === undefined) throw new Error('an event has no entry');
    return entry.atMs - atMs;
  });
  return { inputs: sent.length, entries: entriesRead.length, latenciesMs, behind };
}
