// What the streams still hold of the last minutes, read backwards at start: a new gateway must know what was
// delivered before it came.
import {
  type Broker,
  compareEntryIds,
  type Entry,
  type EntryId,
  entryIdMs,
  FIRST_ENTRY_ID,
  previousEntryId,
  type StreamPosition,
  type StreamStart,
} from '@millrace/broker';

/** How far to look back, and who is told. */
export interface LookBack {
  readonly windowMs: number;
  /** Of each stream; what is older stays unknown. */
  readonly maxEntries: number;
  /** Every later entry of the stream is recalled, or read by the tail. Called before the first `recall`. */
  begin(stream: string, floor: EntryId): void;
  /** One entry that was not rejected; `placeOf` is how far a client is that has been sent it. Oldest first over all streams. */
  recall(stream: string, entry: Entry, placeOf: (stream: string) => StreamPosition): void;
}

const pageEntries = 500;

/** Hands over the entries of the window up to the start of each stream. */
export async function recallRecentEntries(
  broker: Pick<Broker, 'readRange' | 'findRejected'>,
  starts: readonly StreamStart[],
  lookBack: LookBack,
): Promise<void> {
  const found = await Promise.all(
    starts.map(async (start) => {
      const entries = await readBackwards(broker, start, lookBack);
      return { start, entries, rejected: await readRejected(broker, start.stream, entries) };
    }),
  );
  const cursors = new Map<string, EntryId>();
  for (const { start, entries } of found) {
    const oldest = entries.at(-1);
    const floor = oldest === undefined ? start.cursor : previousEntryId(oldest.id);
    cursors.set(start.stream, floor);
    lookBack.begin(start.stream, floor);
  }
  const epochs = new Map(starts.map(({ stream, epoch }) => [stream, epoch]));
  const placeOf = (stream: string): StreamPosition => ({
    epoch: epochs.get(stream) ?? '',
    cursor: cursors.get(stream) ?? FIRST_ENTRY_ID,
  });
  const placed = found.flatMap(({ start, entries }) =>
    entries.map((entry) => ({ stream: start.stream, entry })),
  );
  placed.sort((a, b) => compareEntryIds(a.entry.id, b.entry.id));
  const rejected = new Map(found.map((recent) => [recent.start.stream, recent.rejected]));
  for (const { stream, entry } of placed) {
    cursors.set(stream, entry.id);
    if (rejected.get(stream)?.has(entry.id) === true) continue;
    lookBack.recall(stream, entry, placeOf);
  }
}

/** Newest first. */
async function readBackwards(
  broker: Pick<Broker, 'readRange'>,
  { stream, cursor, timeMs }: StreamStart,
  { windowMs, maxEntries }: LookBack,
): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  let upTo = cursor;
  while (found.length < maxEntries) {
    const page = await broker.readRange(stream, { upTo, count: pageEntries, direction: 'backward' });
    const recent = page.filter((entry) => timeMs - entryIdMs(entry.id) < windowMs);
    found.push(...recent);
    const oldest = page.at(-1);
    if (oldest === undefined || recent.length < pageEntries) break;
    upTo = previousEntryId(oldest.id);
  }
  return found.slice(0, maxEntries);
}

/**
 * Entries that were rejected were delivered to nobody, also where this gateway finds nothing wrong with them (it may know more
 * event types than the one before): taken for seen, their replay would be dropped as a repeat.
 */
async function readRejected(
  broker: Pick<Broker, 'findRejected'>,
  stream: string,
  entries: readonly Entry[],
): Promise<ReadonlySet<EntryId>> {
  const rejected = new Set<EntryId>();
  for (let from = 0; from < entries.length; from += pageEntries) {
    const ids = entries.slice(from, from + pageEntries).map(({ id }) => id);
    for (const id of await broker.findRejected(stream, ids)) rejected.add(id);
  }
  return rejected;
}
