// Follows each entry of one stream from its arrival until it is known what the other service did with it. Pure: the caller reads
// Redis.
import { compareEntryIds, type EntryId, entryIdMs } from '@millrace/broker';
import type { EntryPlan } from './entry-plan.js';
import { type Outcome, type OutcomeCell, OutcomeCounts } from './outcome-counts.js';

/** The state of the stream and of the group. The three values were read in the order of this list. */
export interface GroupSight {
  /** ID of the first entry, or one above all entries if there is none. */
  readonly firstBefore: EntryId;
  readonly lastDeliveredId: EntryId;
  /** The same as `firstBefore`, read later. */
  readonly firstAfter: EntryId;
}

/** The pending entries of the group after `after`, up to and including `upTo`. */
export interface PendingSight {
  readonly after: EntryId;
  readonly upTo: EntryId;
  readonly pending: ReadonlySet<EntryId>;
}

/** Options of {@link StreamComparison}. */
export interface StreamComparisonOptions {
  /** Maximum number of entries that are followed at the same time. Above it, the oldest one is counted as `unfollowed`. */
  readonly maxFollowed: number;
}

/**
 * The states of an entry: unread → read → acknowledged, or unread → lost. An entry that was removed between two sights, while the
 * group moved past it, is in doubt: it was read if it is pending, and unclear otherwise.
 */
export class StreamComparison {
  readonly counts = new OutcomeCounts();
  readonly #options: StreamComparisonOptions;
  /** Entries that the group has not read, the oldest first. */
  readonly #unread = new Map<EntryId, OutcomeCell>();
  /** Entries that the group has read, and that may be pending, the oldest first. */
  readonly #read = new Map<EntryId, OutcomeCell>();
  readonly #doubtful = new Set<EntryId>();

  constructor(options: StreamComparisonOptions) {
    this.#options = options;
  }

  /** Number of entries that are followed now. */
  get followed(): number {
    return this.#unread.size + this.#read.size;
  }

  /** Returns the first and the last entry that may be pending, or `undefined` if there is none. */
  get pendingRange(): { readonly from: EntryId; readonly upTo: EntryId } | undefined {
    const [from] = this.#read.keys();
    // Entries become read in their order, so the last one is the newest.
    return from === undefined ? undefined : { from, upTo: this.#newestRead };
  }

  #newestRead: EntryId = '0-0';

  /** Adds the next entry of the stream. */
  add(id: EntryId, plan: EntryPlan): void {
    const cell = this.counts.cellFor(id, plan);
    cell.counts.unread += 1;
    this.#unread.set(id, cell);
    if (this.followed > this.#options.maxFollowed) this.#evict();
  }

  seeGroup({ firstBefore, lastDeliveredId, firstAfter }: GroupSight): void {
    for (const [id, cell] of this.#unread) {
      const isRead = compareEntryIds(id, lastDeliveredId) <= 0;
      // The group had not read the entry after it was removed.
      if (!isRead && compareEntryIds(id, firstBefore) >= 0) return;
      this.#unread.delete(id);
      if (!isRead) {
        move(cell, 'unread', 'lost');
        continue;
      }
      move(cell, 'unread', 'pending');
      this.#read.set(id, cell);
      this.#newestRead = id;
      if (compareEntryIds(id, firstAfter) < 0) this.#doubtful.add(id);
    }
  }

  /** Must be called after `seeGroup`, with pending entries that were read after the group. */
  seePending({ after, upTo, pending }: PendingSight): void {
    for (const [id, cell] of this.#read) {
      if (compareEntryIds(id, after) <= 0) continue;
      if (compareEntryIds(id, upTo) > 0) return;
      if (pending.has(id)) {
        this.#doubtful.delete(id);
        continue;
      }
      this.#read.delete(id);
      move(cell, 'pending', this.#doubtful.delete(id) ? 'unclear' : 'acknowledged');
    }
  }

  /** Counts all followed entries as unclear, because the stream was deleted or began again. */
  forget(): void {
    for (const cell of this.#unread.values()) move(cell, 'unread', 'unclear');
    for (const cell of this.#read.values()) move(cell, 'pending', 'unclear');
    this.#unread.clear();
    this.#read.clear();
    this.#doubtful.clear();
  }

  /** Number of entries that were added before `timeMs` and are pending. */
  pendingBefore(timeMs: number): number {
    return countBefore(this.#read, timeMs);
  }

  #evict(): void {
    const [entries, outcome] =
      this.#read.size > 0 ? [this.#read, 'pending' as const] : [this.#unread, 'unread' as const];
    const [oldest] = entries;
    if (oldest === undefined) return;
    const [id, cell] = oldest;
    entries.delete(id);
    this.#doubtful.delete(id);
    move(cell, outcome, 'unfollowed');
  }
}

function move({ counts }: OutcomeCell, from: Outcome, to: Outcome): void {
  counts[from] -= 1;
  counts[to] += 1;
}

function countBefore(entries: ReadonlyMap<EntryId, unknown>, timeMs: number): number {
  let count = 0;
  for (const id of entries.keys()) {
    if (entryIdMs(id) >= timeMs) break;
    count += 1;
  }
  return count;
}
