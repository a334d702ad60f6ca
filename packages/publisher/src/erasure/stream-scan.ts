// Searches a stream for entries to erase.
import { type Broker, compareEntryIds, type Entry, type EntryId } from '@millrace/broker';
import { isControl, readControlEntry } from '@millrace/contract';

/** Limits and rules of {@link scanStream}. */
export interface ScanOptions {
  /** ID after which the search begins. Left out for the whole stream. */
  readonly after: EntryId | undefined;
  /** Maximum number of entries to read. The last page is read whole, so slightly more entries may be read. */
  readonly maxEntries: number;
  /** Returns an entry with the fields of an event. Not called for control entries. */
  readEntry(entry: Entry): Entry;
  isSelected(fields: Entry['fields']): boolean;
}

/** The result of a search. */
export interface ScanResult {
  /** The selected entries that are not erased yet, oldest first. */
  readonly found: readonly Entry[];
  readonly scanned: number;
  /** ID after which the search must continue. Left out if the search has reached the end that the stream had when it began. */
  readonly continueAfter?: EntryId;
}

/** Number of entries in one read. It is small because one entry may have 256 KiB and more. */
const PAGE_ENTRIES = 100;

/** Reads a stream up to its present end. Does not find entries that a control entry has erased. */
export async function scanStream(
  broker: Pick<Broker, 'readRange' | 'inspect'>,
  stream: string,
  options: ScanOptions,
): Promise<ScanResult> {
  const { lastId } = await broker.inspect(stream);
  const found = new Map<EntryId, Entry>();
  let scanned = 0;
  let { after } = options;
  while (after === undefined || compareEntryIds(after, lastId) < 0) {
    const from = after === undefined ? {} : { after };
    const page = await broker.readRange(stream, { ...from, upTo: lastId, count: PAGE_ENTRIES });
    for (const entry of page) {
      const control = readControlEntry(entry.fields);
      if (control === undefined) {
        const readable = options.readEntry(entry);
        if (options.isSelected(readable.fields)) found.set(entry.id, readable);
      } else if (isControl(control) && control.kind === 'erase')
        for (const { id } of control.entries) found.delete(id);
    }
    scanned += page.length;
    after = page.at(-1)?.id;
    if (after === undefined || page.length < PAGE_ENTRIES) break;
    if (scanned >= options.maxEntries) return { found: [...found.values()], scanned, continueAfter: after };
  }
  return { found: [...found.values()], scanned };
}
