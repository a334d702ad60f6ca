// Reads the entries of the last minutes from the streams when a gateway starts. The gateway must know which events were
// delivered before.
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

/** Limits and callbacks of the warm-up. */
export interface WarmUpOptions {
  /** Maximum age of the entries that are read. */
  readonly periodMs: number;
  /** Maximum number of entries read from each stream. Older entries are not read. */
  readonly maxEntries: number;
  /**
   * Called for each stream before the first `onEntry`. Every later entry that was not rejected is either passed to `onEntry`
   * or read by the tail.
   */
  onFloor(stream: string, floor: EntryId): void;
  /**
   * Called for each entry that was not rejected, oldest first over all streams.
   *
   * @param positionOf returns the position in a stream for a client that received all entries up to and including this one
   */
  onEntry(stream: string, entry: Entry, positionOf: (stream: string) => StreamPosition): void;
}

const pageEntries = 500;

/** Passes the entries of the period to `onEntry`, up to the point in each stream at which the tail starts. */
export async function warmUpFromStreams(
  broker: Pick<Broker, 'readRange' | 'findRejected'>,
  starts: readonly StreamStart[],
  options: WarmUpOptions,
): Promise<void> {
  const found = await Promise.all(
    starts.map(async (start) => {
      const entries = await readBackwards(broker, start, options);
      return { start, entries, rejected: await readRejected(broker, start.stream, entries) };
    }),
  );
  const cursors = new Map<string, EntryId>();
  for (const { start, entries } of found) {
    const oldest = entries.at(-1);
    const floor = oldest === undefined ? start.cursor : previousEntryId(oldest.id);
    cursors.set(start.stream, floor);
    options.onFloor(start.stream, floor);
  }
  const epochs = new Map(starts.map(({ stream, epoch }) => [stream, epoch]));
  const positionOf = (stream: string): StreamPosition => ({
    epoch: epochs.get(stream) ?? '',
    cursor: cursors.get(stream) ?? FIRST_ENTRY_ID,
  });
  const sorted = found.flatMap(({ start, entries }) =>
    entries.map((entry) => ({ stream: start.stream, entry })),
  );
  sorted.sort((a, b) => compareEntryIds(a.entry.id, b.entry.id));
  const rejected = new Map(found.map((recent) => [recent.start.stream, recent.rejected]));
  for (const { stream, entry } of sorted) {
    cursors.set(stream, entry.id);
    if (rejected.get(stream)?.has(entry.id) === true) continue;
    options.onEntry(stream, entry, positionOf);
  }
}

/** Returns the entries of the period, newest first. */
async function readBackwards(
  broker: Pick<Broker, 'readRange'>,
  { stream, cursor, timeMs }: StreamStart,
  { periodMs, maxEntries }: WarmUpOptions,
): Promise<readonly Entry[]> {
  const found: Entry[] = [];
  let upTo = cursor;
  while (found.length < maxEntries) {
    const page = await broker.readRange(stream, { upTo, count: pageEntries, direction: 'backward' });
    const recent = page.filter((entry) => timeMs - entryIdMs(entry.id) < periodMs);
    found.push(...recent);
    const oldest = page.at(-1);
    if (oldest === undefined || recent.length < pageEntries) break;
    upTo = previousEntryId(oldest.id);
  }
  return found.slice(0, maxEntries);
}

/**
 * Returns the IDs of the rejected entries, which no gateway delivered. Some may be valid for this gateway, because its
 * catalog may have more event types. If they counted as seen, they would be dropped as repeats after they were requeued.
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
