// Watches one stream beside the service that reads it: reads each entry once, and looks at the service's group after that.
import {
  compareEntryIds,
  type EntryId,
  FIRST_ENTRY_ID,
  type GroupReader,
  LAST_ENTRY_ID,
  previousEntryId,
  type StreamEnds,
} from '@millrace/broker';
import type { EntryPlanner } from './entry-plan.js';
import { StreamComparison } from './stream-comparison.js';

/** Dependencies of {@link StreamWatch}. */
export interface StreamWatchDependencies {
  readonly stream: string;
  /** Consumer group of the service. */
  readonly group: string;
  readonly reader: Pick<GroupReader, 'readEnds' | 'readGroup' | 'readPending' | 'readRange'>;
  readonly planner: Pick<EntryPlanner, 'planFor'>;
  /** True for a stream that appeared after the comparison began. All of its entries are then compared. @defaultValue false */
  readonly isNew?: boolean;
  /** @defaultValue 100_000 */
  readonly maxFollowed?: number;
}

/** Number of entries in one read, and of pending entries in one answer. */
const PAGE_ENTRIES = 1_000;

/** Number of answers with pending entries in one look. A look continues where the last one has ended. */
const MAX_PENDING_PAGES = 10;

/** Maximum number of entries of one stream that are followed: about 20 MB. */
const MAX_FOLLOWED = 100_000;

/** Compares one stream. The first call of `look` fixes the end of the stream, at which the comparison begins. */
export class StreamWatch {
  readonly comparison: StreamComparison;
  readonly #dependencies: StreamWatchDependencies;
  /** The last entry that was read, and the number of entries that had been added up to it, as the stream counts. */
  #begin: { cursor: EntryId; entriesAdded: number } | undefined;
  #seen = 0;
  #own = 0;
  #seenSinceBegin = 0;
  #added = 0;
  #missed = 0;
  #restarts = 0;
  #pendingFrom: EntryId | undefined;
  #group: { readonly lastDeliveredId: EntryId; readonly pending: number } | undefined;
  #pendingAtStart = 0;

  constructor(dependencies: StreamWatchDependencies) {
    this.#dependencies = dependencies;
    this.comparison = new StreamComparison({ maxFollowed: dependencies.maxFollowed ?? MAX_FOLLOWED });
  }

  get stream(): string {
    return this.#dependencies.stream;
  }

  /** Number of entries that were compared. */
  get seen(): number {
    return this.#seen;
  }

  /** Number of entries of Millrace itself, which are not compared. */
  get own(): number {
    return this.#own;
  }

  /** Number of entries that were removed before they could be read. */
  get missed(): number {
    return this.#missed + this.#missedSinceBegin;
  }

  get #missedSinceBegin(): number {
    // After a failed look, more entries may have been seen than counted as added.
    return Math.max(0, this.#added - this.#seenSinceBegin);
  }

  /** Number of times that the stream was deleted or began again. Its unread and pending entries are unclear then. */
  get restarts(): number {
    return this.#restarts;
  }

  /** The group as it was last seen. `undefined` if the stream has no such group. */
  get group(): { readonly lastDeliveredId: EntryId; readonly pending: number } | undefined {
    return this.#group;
  }

  /** Number of entries that were pending before the comparison began. */
  get pendingAtStart(): number {
    return this.#pendingAtStart;
  }

  /** Reads the new entries, then looks at the group. @throws BrokerError if Redis cannot be asked. The next look continues */
  async look(): Promise<void> {
    const { stream, group, reader } = this.#dependencies;
    const ends = await reader.readEnds(stream);
    if (this.#begin === undefined && this.#dependencies.isNew === true)
      this.#begin = { cursor: FIRST_ENTRY_ID, entriesAdded: 0 };
    if (this.#begin === undefined) {
      this.#begin = { cursor: ends.lastId, entriesAdded: ends.entriesAdded };
      this.#group = await reader.readGroup(stream, group);
      this.#pendingAtStart = this.#group?.pending ?? 0;
      return;
    }
    if (isRestart(this.#begin, this.#added, ends)) this.#restart();
    await this.#readUpTo(ends);
    const state = await reader.readGroup(stream, group);
    this.#group = state;
    if (state === undefined) return;
    const { lastDeliveredId } = state;
    const later = await reader.readEnds(stream);
    this.comparison.seeGroup({ firstBefore: firstOf(ends), lastDeliveredId, firstAfter: firstOf(later) });
    await this.#lookAtPending();
  }

  async #readUpTo({ lastId, entriesAdded }: StreamEnds): Promise<void> {
    const { stream, reader, planner } = this.#dependencies;
    const begin = this.#begin;
    if (begin === undefined) return;
    while (compareEntryIds(begin.cursor, lastId) < 0) {
      const range = { after: begin.cursor, upTo: lastId, count: PAGE_ENTRIES };
      const entries = await reader.readRange(stream, range);
      for (const entry of entries) {
        this.#seenSinceBegin += 1;
        begin.cursor = entry.id;
        const plan = planner.planFor(stream, entry);
        if (plan === undefined) {
          this.#own += 1;
          continue;
        }
        this.#seen += 1;
        this.comparison.add(entry.id, plan);
      }
      if (entries.length < PAGE_ENTRIES) begin.cursor = lastId;
    }
    this.#added = entriesAdded - begin.entriesAdded;
  }

  async #lookAtPending(): Promise<void> {
    const { stream, group, reader } = this.#dependencies;
    const range = this.comparison.pendingRange;
    if (range === undefined) return;
    const { upTo } = range;
    let after = laterOf(previousEntryId(range.from), this.#pendingFrom);
    for (let page = 0; page < MAX_PENDING_PAGES; page++) {
      const ids = await reader.readPending(stream, group, { after, upTo, count: PAGE_ENTRIES });
      const last = ids.at(-1);
      const isFull = ids.length === PAGE_ENTRIES && last !== undefined;
      this.comparison.seePending({ after, upTo: isFull ? last : upTo, pending: new Set(ids) });
      if (!isFull) {
        this.#pendingFrom = undefined;
        return;
      }
      after = last;
    }
    this.#pendingFrom = after;
  }

  #restart(): void {
    this.#restarts += 1;
    this.#missed += this.#missedSinceBegin;
    this.#added = 0;
    this.#seenSinceBegin = 0;
    this.#begin = { cursor: '0-0', entriesAdded: 0 };
    this.#pendingFrom = undefined;
    this.comparison.forget();
  }
}

function isRestart(
  begin: { readonly cursor: EntryId; readonly entriesAdded: number },
  added: number,
  { lastId, entriesAdded }: StreamEnds,
): boolean {
  return compareEntryIds(lastId, begin.cursor) < 0 || entriesAdded < begin.entriesAdded + added;
}

/** Returns the first ID. Returns the largest one for an empty stream, because every entry was removed. */
function firstOf({ firstId }: StreamEnds): EntryId {
  return firstId ?? LAST_ENTRY_ID;
}

function laterOf(a: EntryId, b: EntryId | undefined): EntryId {
  return b !== undefined && compareEntryIds(b, a) > 0 ? b : a;
}
