// Reads the entries of a stream that are older than those in the ring. Clients that reconnect with an old position at about
// the same time share one bounded read.
import {
  type Broker,
  compareEntryIds,
  type Entry,
  type EntryId,
  FIRST_ENTRY_ID,
  previousEntryId,
  type RangeOptions,
} from '@millrace/broker';
import type { Intake } from '../intake/intake.js';
import { takeDelivered } from '../intake/take-delivered.js';

/** Bounds of {@link OlderEntries}. */
export interface OlderEntriesOptions {
  /**
   * Maximum number of entries in one read of a stream. A read consists of whole pages, so it may return slightly more. A
   * client that missed more must reload.
   */
  readonly maxEntries: number;
  /** Time for which the result of a read is kept for the next clients. */
  readonly keepMs: number;
  /** Turns entries of other programs into events. @defaultValue entries are used as they are */
  readonly intake?: Intake | undefined;
}

/** The entries of a stream that a client needs. */
export interface OlderRange {
  /** Entry ID after which the client needs every entry, up to and including `atLeast`. */
  readonly from: EntryId;
  /** The last entry that the client needs. */
  readonly atLeast: EntryId;
  /** Newer entries up to this ID are read, too, at most one page. The ring may evict them during the read. */
  readonly upTo: EntryId;
  /**
   * True if the client needs only the entries that the stream still has. Entries that the stream has lost do not count as
   * missed then.
   */
  readonly isFromStart?: boolean;
  /**
   * True if the client's tenant has lost newer events than the other tenants have. Such a client needs more entries. A common
   * read for all clients could therefore exceed the maximum number of entries.
   * @defaultValue false
   */
  readonly isShortened?: boolean;
}

/** All entries of a range, oldest first. */
export interface OlderSlice {
  readonly upTo: EntryId;
  readonly entries: readonly Entry[];
}

/** Result of a read: every entry of a stream after `lowest` up to `upTo`. */
interface CachedRange extends OlderSlice {
  readonly lowest: EntryId;
  /** True if no older entries can be read, because the stream has lost them or there are too many. */
  readonly isEnd: boolean;
  /** True when the stream's first entry is included. */
  readonly reachesStart: boolean;
  readonly readAtMs: number;
}

/** The reads of one stream. */
interface StreamReads {
  cached?: CachedRange;
  /** The running read. */
  running?: Promise<CachedRange>;
  /** The read after the running one. All clients that arrive before it begins share it. */
  next?: Promise<CachedRange>;
  /** Ranges that the next read must include. */
  requested: OlderRange[];
}

const pageEntries = 500;

/**
 * Reads entries that are older than those in the ring, in whole pages from the newest backwards. At most two reads of a
 * stream run at a time: one for tenants that have lost newer events than the others, and one for all other clients.
 *
 * Clients that arrive during a read share the next one. It is skipped if the cached range includes every entry that they
 * need. Therefore the number of reads does not grow with the number of clients.
 */
export class OlderEntries {
  readonly #broker: Pick<Broker, 'readRange' | 'inspect' | 'findRejected'>;
  readonly #options: OlderEntriesOptions;
  readonly #monotonicMs: () => number;
  /** The reads by stream: those of tenants that have lost newer events than the others, and those of all other clients. */
  readonly #reads = {
    shortened: new Map<string, StreamReads>(),
    usual: new Map<string, StreamReads>(),
  };

  constructor(
    broker: Pick<Broker, 'readRange' | 'inspect' | 'findRejected'>,
    options: OlderEntriesOptions,
    monotonicMs: () => number,
  ) {
    this.#broker = broker;
    this.#options = options;
    this.#monotonicMs = monotonicMs;
  }

  /**
   * Reads all entries of a range. Resolves to `undefined` if the stream has lost some of them, or if there are too many.
   *
   * @throws BrokerError if a request to the broker fails
   */
  async read(stream: string, range: OlderRange): Promise<OlderSlice | undefined> {
    const { lowest, reachesStart, upTo, entries } = await this.#request(stream, range);
    const hasAllStored = range.isFromStart === true && reachesStart;
    if (!hasAllStored && compareEntryIds(range.from, lowest) < 0) return undefined;
    return { upTo, entries: entries.filter(({ id }) => compareEntryIds(id, range.from) > 0) };
  }

  /** Number of entries kept for the next clients. */
  get size(): number {
    return this.#allReads().reduce((sum, { cached }) => sum + (cached?.entries.length ?? 0), 0);
  }

  /** Evicts ranges that are too old to be used. */
  evict(): void {
    for (const reads of this.#allReads())
      if (reads.cached !== undefined && !this.#isFresh(reads.cached)) delete reads.cached;
  }

  #allReads(): readonly StreamReads[] {
    return [...this.#reads.shortened.values(), ...this.#reads.usual.values()];
  }

  #request(stream: string, range: OlderRange): Promise<CachedRange> | CachedRange {
    const byStream = range.isShortened === true ? this.#reads.shortened : this.#reads.usual;
    const reads: StreamReads = byStream.get(stream) ?? { requested: [] };
    byStream.set(stream, reads);
    if (reads.cached !== undefined && this.#includes(reads.cached, range)) return reads.cached;
    reads.requested.push(range);
    reads.next ??= this.#readNext(stream, reads);
    return reads.next;
  }

  async #readNext(stream: string, reads: StreamReads): Promise<CachedRange> {
    // A failure of the running read does not matter here. The next read includes all ranges that were requested until its
    // start.
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

  /** Reads one range that includes all of the given ranges. */
  async #readRange(stream: string, ranges: readonly OlderRange[]): Promise<CachedRange> {
    const readAtMs = this.#monotonicMs();
    const from = ranges.map((range) => range.from).reduce((a, b) => (compareEntryIds(b, a) < 0 ? b : a));
    const atLeast = newestOf(ranges.map((range) => range.atLeast));
    const ahead = await this.#readAhead(stream, atLeast, newestOf(ranges.map(({ upTo }) => upTo)));
    const back = await this.#readBack(stream, from, atLeast);
    const lowest = await this.#lowestComplete(stream, back);
    return {
      lowest,
      isEnd: compareEntryIds(from, lowest) < 0,
      reachesStart: back.reachesStart,
      upTo: ahead.upTo,
      entries: [...back.entries, ...ahead.entries],
      readAtMs,
    };
  }

  /** Reads the entries after `after` up to `upTo`, but at most one page of them. */
  async #readAhead(stream: string, after: EntryId, upTo: EntryId): Promise<OlderSlice> {
    if (compareEntryIds(upTo, after) <= 0) return { upTo: after, entries: [] };
    const entries = await this.#read(stream, { after, upTo, count: pageEntries });
    const last = entries.at(-1);
    return { upTo: last === undefined || entries.length < pageEntries ? upTo : last.id, entries };
  }

  async #readBack(stream: string, from: EntryId, upTo: EntryId): Promise<BackwardRead> {
    const newestFirst: Entry[] = [];
    for (let next = upTo; newestFirst.length < this.#options.maxEntries; ) {
      const page = await this.#read(stream, {
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

  async #read(stream: string, range: RangeOptions): Promise<readonly Entry[]> {
    const entries = await this.#broker.readRange(stream, range);
    const { intake } = this.#options;
    return intake === undefined ? entries : takeDelivered({ stream, entries }, intake, this.#broker);
  }

  /**
   * Returns the lowest ID after which no entry is missing. An erased entry does not count as missing. Called after the read,
   * so that entries trimmed during the read count as lost.
   */
  async #lowestComplete(stream: string, { entries, reachesStart }: BackwardRead): Promise<EntryId> {
    const { completeAfter } = await this.#broker.inspect(stream);
    const [oldest] = entries;
    const beforeOldest = reachesStart || oldest === undefined ? FIRST_ENTRY_ID : previousEntryId(oldest.id);
    return newestOf([completeAfter, beforeOldest]);
  }
}

/** Entries up to some ID, oldest first. `reachesStart` is true if the stream's first entry is included. */
interface BackwardRead {
  readonly entries: readonly Entry[];
  readonly reachesStart: boolean;
}

function newestOf(ids: readonly EntryId[]): EntryId {
  return ids.reduce((a, b) => (compareEntryIds(b, a) > 0 ? b : a), FIRST_ENTRY_ID);
}
