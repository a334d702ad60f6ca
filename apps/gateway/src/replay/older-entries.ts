// Reads what a stream still holds from before the ring: one shared, bounded read for all clients that come back with an old
// position at about the same time.
import {
  type Broker,
  compareEntryIds,
  type Entry,
  type EntryId,
  FIRST_ENTRY_ID,
  previousEntryId,
} from '@millrace/broker';

/** Bounds of {@link OlderEntries}. */
export interface OlderEntriesOptions {
  /** Most entries read of one stream, give or take one page; a client that missed more is told to reload. */
  readonly maxEntries: number;
  /** Time for which the result of a read is kept for the next clients. */
  readonly keepMs: number;
}

/** The entries of a stream that a client needs. */
export interface OlderRange {
  /** Everything after this entry … */
  readonly from: EntryId;
  /** … up to this one … */
  readonly atLeast: EntryId;
  /** … and up to this one if it is not much more: the ring evicts entries while others read, and those are needed next. */
  readonly upTo: EntryId;
  /** True when the client needs everything that is stored: it does not miss what the stream lost before that. */
  readonly isFromStart?: boolean;
}

/** All entries of a range, oldest first. */
export interface OlderSlice {
  readonly upTo: EntryId;
  readonly entries: readonly Entry[];
}

/** Result of a read: every entry of a stream after `lowest` up to `upTo`. */
interface CachedRange extends OlderSlice {
  readonly lowest: EntryId;
  /** True when no older entries can be read: the stream has lost them, or they are too many. */
  readonly isEnd: boolean;
  /** True when the stream's first entry is included. */
  readonly reachesStart: boolean;
  readonly readAtMs: number;
}

/** The reads of one stream. */
interface StreamReads {
  cached?: CachedRange;
  /** The read under way. */
  running?: Promise<CachedRange>;
  /** The read after that one, shared by all clients that come meanwhile. */
  next?: Promise<CachedRange>;
  /** Ranges that the next read must include. */
  requested: OlderRange[];
}

const pageEntries = 500;

/**
 * Reads entries that are older than the ring, in whole pages from the newest back. At most one read of a stream is under way; all
 * clients that come meanwhile share the next one, and most of them need none. So the number of reads does not grow with the clients.
 */
export class OlderEntries {
  readonly #broker: Pick<Broker, 'readRange' | 'inspect'>;
  readonly #options: OlderEntriesOptions;
  readonly #monotonicMs: () => number;
  /** One per stream. */
  readonly #reads = new Map<string, StreamReads>();

  constructor(
    broker: Pick<Broker, 'readRange' | 'inspect'>,
    options: OlderEntriesOptions,
    monotonicMs: () => number,
  ) {
    this.#broker = broker;
    this.#options = options;
    this.#monotonicMs = monotonicMs;
  }

  /**
   * Reads all entries of a range; `undefined` when the stream has lost some of them, or they are too many.
   *
   * @throws BrokerError when the broker cannot be asked
   */
  async read(stream: string, range: OlderRange): Promise<OlderSlice | undefined> {
    const { lowest, reachesStart, upTo, entries } = await this.#request(stream, range);
    const hasAllStored = range.isFromStart === true && reachesStart;
    if (!hasAllStored && compareEntryIds(range.from, lowest) < 0) return undefined;
    return { upTo, entries: entries.filter(({ id }) => compareEntryIds(id, range.from) > 0) };
  }

  /** Number of entries kept for the next clients. */
  get size(): number {
    return [...this.#reads.values()].reduce((sum, { cached }) => sum + (cached?.entries.length ?? 0), 0);
  }

  /** Evicts ranges that are too old to be used. */
  evict(): void {
    for (const reads of this.#reads.values())
      if (reads.cached !== undefined && !this.#isFresh(reads.cached)) delete reads.cached;
  }

  #request(stream: string, range: OlderRange): Promise<CachedRange> | CachedRange {
    const reads: StreamReads = this.#reads.get(stream) ?? { requested: [] };
    this.#reads.set(stream, reads);
    if (reads.cached !== undefined && this.#includes(reads.cached, range)) return reads.cached;
    reads.requested.push(range);
    reads.next ??= this.#readNext(stream, reads);
    return reads.next;
  }

  async #readNext(stream: string, reads: StreamReads): Promise<CachedRange> {
    // Its failure does not matter here. Ranges requested before it is over are part of this read.
    await reads.running?.catch(() => {});
    const requested = reads.requested.splice(0);
    if (reads.next !== undefined) reads.running = reads.next;
    delete reads.next;
    const { cached } = reads;
    if (cached !== undefined && requested.every((range) => this.#includes(cached, range))) return cached;
    const fresh = await this.#readRange(stream, requested);
    reads.cached = fresh;
    return fresh;
  }

  #includes(cached: CachedRange, { from, atLeast }: OlderRange): boolean {
    const reachesBack = cached.isEnd || compareEntryIds(cached.lowest, from) <= 0;
    return this.#isFresh(cached) && reachesBack && compareEntryIds(cached.upTo, atLeast) >= 0;
  }

  #isFresh({ readAtMs }: CachedRange): boolean {
    return this.#monotonicMs() - readAtMs <= this.#options.keepMs;
  }

  /** Reads a range that includes all of these. */
  async #readRange(stream: string, ranges: readonly OlderRange[]): Promise<CachedRange> {
    const readAtMs = this.#monotonicMs();
    const from = ranges.map((range) => range.from).reduce((a, b) => (compareEntryIds(b, a) < 0 ? b : a));
    const atLeast = newestOf(ranges.map((range) => range.atLeast));
    const ahead = await this.#readAhead(stream, atLeast, newestOf(ranges.map(({ upTo }) => upTo)));
    const back = await this.#readBack(stream, from, atLeast);
    const lowest = await this.#lowestComplete(stream, back, ahead.upTo);
    return {
      lowest,
      isEnd: compareEntryIds(from, lowest) < 0,
      reachesStart: back.reachesStart,
      upTo: ahead.upTo,
      entries: [...back.entries, ...ahead.entries],
      readAtMs,
    };
  }

  /** Reads one page of newer entries. */
  async #readAhead(stream: string, after: EntryId, upTo: EntryId): Promise<OlderSlice> {
    if (compareEntryIds(upTo, after) <= 0) return { upTo: after, entries: [] };
    const entries = await this.#broker.readRange(stream, { after, upTo, count: pageEntries });
    const last = entries.at(-1);
    return { upTo: last === undefined || entries.length < pageEntries ? upTo : last.id, entries };
  }

  async #readBack(stream: string, from: EntryId, upTo: EntryId): Promise<BackwardRead> {
    const newestFirst: Entry[] = [];
    for (let next = upTo; newestFirst.length < this.#options.maxEntries; ) {
      const page = await this.#broker.readRange(stream, {
        upTo: next,
        count: pageEntries,
        direction: 'backward',
      });
      newestFirst.push(...page);
      const oldest = page.at(-1);
      if (oldest === undefined || page.length < pageEntries)
        return { entries: newestFirst.toReversed(), reachesStart: true };
      if (compareEntryIds(oldest.id, from) <= 0) break;
      next = previousEntryId(oldest.id);
    }
    return { entries: newestFirst.toReversed(), reachesStart: false };
  }

  /**
   * Returns the ID after which no entry is missing. Entries leave a stream from the oldest on, so the entries that were read are complete
   * if something older is still there. Called after the read: what was trimmed meanwhile counts as lost.
   */
  async #lowestComplete(
    stream: string,
    { entries, reachesStart }: BackwardRead,
    upTo: EntryId,
  ): Promise<EntryId> {
    const { firstId = upTo, entriesAdded, length } = await this.#broker.inspect(stream);
    const [oldest] = entries;
    const beforeOldest = reachesStart || oldest === undefined ? FIRST_ENTRY_ID : previousEntryId(oldest.id);
    return entriesAdded === length ? beforeOldest : newestOf([firstId, beforeOldest]);
  }
}

/** Entries up to some ID, oldest first; `reachesStart`: the stream's first entry is included. */
interface BackwardRead {
  readonly entries: readonly Entry[];
  readonly reachesStart: boolean;
}

function newestOf(ids: readonly EntryId[]): EntryId {
  return ids.reduce((a, b) => (compareEntryIds(b, a) > 0 ? b : a), FIRST_ENTRY_ID);
}
