// What the streams still hold of the last minutes, read backwards at start: a new gateway must know what was
// delivered before it came.
import {
  type Broker,
  compareEntryIds,
  type Entry,
  entryIdMs,
  previousEntryId,
  type StreamStart,
} from '@millrace/broker';

/** How far to look back. */
export interface LookBack {
  readonly windowMs: number;
  /** Of each stream; what is older stays unknown. */
  readonly maxEntries: number;
}

const pageEntries = 500;

/** Hands over the entries of the window up to the start of each stream, oldest first over all streams. */
export async function recallRecentEntries(
  broker: Pick<Broker, 'readRange'>,
  starts: readonly StreamStart[],
  lookBack: LookBack & { readonly recall: (entry: Entry) => void },
): Promise<void> {
  const entries: Entry[] = [];
  for (const start of starts) entries.push(...(await readBackwards(broker, start, lookBack)));
  entries.sort((a, b) => compareEntryIds(a.id, b.id));
  for (const entry of entries) lookBack.recall(entry);
}

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
