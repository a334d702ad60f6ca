// What a stream still holds from before the ring: one shared, bounded read for all clients that come back with an old
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
  /** How long a read is kept for the next client. */
  readonly keepMs: number;
}

/** What a client needs of a stream. */
export interface OlderRange {
  /** Everything after this entry … */
  readonly from: EntryId;
  /** … up to this one … */
  readonly atLeast: EntryId;
  /** … and up to this one if it is not much more: the ring lets go of entries while others read, and those are needed next. */
  readonly upTo: EntryId;
  /** Everything that is stored, wherever it begins: what the stream lost before that is not missed. */
  readonly isFromStart?: boolean;
}

/** All entries of a range, oldest first. */
export interface OlderSlice {
  readonly upTo: EntryId;
  readonly entries: readonly Entry[];
}

/** Every entry of a stream after `lowest` up to `upTo`. */
interface Span extends OlderSlice {
  readonly lowest: EntryId;
  /** Nothing from further back can be had: the stream has lost it, or it is too much. */
  readonly isEnd: boolean;
  /** With the first entry that the stream has. */
  readonly isWhole: boolean;
  readonly readAtMs: number;
}

/** Who asked for a stream. */
interface Desk {
  span?: Span;
  /** The read under way. */
  running?: Promise<Span>;
  /** The read after that one, for all who ask meanwhile. */
  next?: Promise<Span>;
  wanted: OlderRange[];
}

const pageEntries = 500;

/**
 * Reads entries that are older than the ring, in whole pages from the newest back. At most one read of a stream is under way; all
 * who ask meanwhile share the next one, and most of them need none. So the number of reads does not grow with the clients.
 */
export class OlderEntries {
  readonly #broker: Pick<Broker, 'readRange' | 'inspect'>;
  readonly #options: OlderEntriesOptions;
  readonly #monotonicMs: () => number;
  /** One per stream. */
  readonly #desks = new Map<string, Desk>();

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
   * All entries of a range; `undefined` when the stream has lost some of them, or they are too many.
   *
   * @throws BrokerError when the broker cannot be asked
   */
  async read(stream: string, range: OlderRange): Promise<OlderSlice | undefined> {
    const { lowest, isWhole, upTo, entries } = await this.#ask(stream, range);
    const isOwedAll = range.isFromStart === true && isWhole;
    if (!isOwedAll && compareEntryIds(range.from, lowest) < 0) return undefined;
    return { upTo, entries: entries.filter(({ id }) => compareEntryIds(id, range.from) > 0) };
  }

  /** Entries kept for the next client. */
  get size(): number {
    return [...this.#desks.values()].reduce((sum, { span }) => sum + (span?.entries.length ?? 0), 0);
  }

  /** Lets go of reads that nobody may use any more. */
  evict(): void {
    for (const desk of this.#desks.values())
      if (desk.span !== undefined && !this.#isFresh(desk.span)) delete desk.span;
  }

  #ask(stream: string, range: OlderRange): Promise<Span> | Span {
    const desk: Desk = this.#desks.get(stream) ?? { wanted: [] };
    this.#desks.set(stream, desk);
    if (desk.span !== undefined && this.#serves(desk.span, range)) return desk.span;
    desk.wanted.push(range);
    desk.next ??= this.#readNext(stream, desk);
    return desk.next;
  }

  async #readNext(stream: string, desk: Desk): Promise<Span> {
    // Whatever became of it. Whoever asks before it is over has a part in this one.
    await desk.running?.catch(() => {});
    const wanted = desk.wanted.splice(0);
    if (desk.next !== undefined) desk.running = desk.next;
    delete desk.next;
    const { span } = desk;
    if (span !== undefined && wanted.every((range) => this.#serves(span, range))) return span;
    const fresh = await this.#readSpan(stream, wanted);
    desk.span = fresh;
    return fresh;
  }

  #serves(span: Span, { from, atLeast }: OlderRange): boolean {
    const reachesBack = span.isEnd || compareEntryIds(span.lowest, from) <= 0;
    return this.#isFresh(span) && reachesBack && compareEntryIds(span.upTo, atLeast) >= 0;
  }

  #isFresh({ readAtMs }: Span): boolean {
    return this.#monotonicMs() - readAtMs <= this.#options.keepMs;
  }

  /** Reads what all of these need. */
  async #readSpan(stream: string, ranges: readonly OlderRange[]): Promise<Span> {
    const readAtMs = this.#monotonicMs();
    const from = ranges.map((range) => range.from).reduce((a, b) => (compareEntryIds(b, a) < 0 ? b : a));
    const atLeast = newestOf(ranges.map((range) => range.atLeast));
    const ahead = await this.#readAhead(stream, atLeast, newestOf(ranges.map(({ upTo }) => upTo)));
    const back = await this.#readBack(stream, from, atLeast);
    const lowest = await this.#lowestWhole(stream, back, ahead.upTo);
    return {
      lowest,
      isEnd: compareEntryIds(from, lowest) < 0,
      isWhole: back.isWhole,
      upTo: ahead.upTo,
      entries: [...back.entries, ...ahead.entries],
      readAtMs,
    };
  }

  /** One page of what comes next. */
  async #readAhead(stream: string, after: EntryId, upTo: EntryId): Promise<OlderSlice> {
    if (compareEntryIds(upTo, after) <= 0) return { upTo: after, entries: [] };
    const entries = await this.#broker.readRange(stream, { after, upTo, count: pageEntries });
    const last = entries.at(-1);
    return { upTo: last === undefined || entries.length < pageEntries ? upTo : last.id, entries };
  }

  async #readBack(stream: string, from: EntryId, upTo: EntryId): Promise<Reach> {
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
        return { entries: newestFirst.toReversed(), isWhole: true };
      if (compareEntryIds(oldest.id, from) <= 0) break;
      next = previousEntryId(oldest.id);
    }
    return { entries: newestFirst.toReversed(), isWhole: false };
  }

  /**
   * From where on nothing is missing. Entries leave a stream from the oldest on, so what is there with something older before it is
   * whole. Asked after the read: what was trimmed meanwhile counts as lost.
   */
  async #lowestWhole(stream: string, { entries, isWhole }: Reach, upTo: EntryId): Promise<EntryId> {
    const { firstId = upTo, entriesAdded, length } = await this.#broker.inspect(stream);
    const [oldest] = entries;
    const beforeOldest = isWhole || oldest === undefined ? FIRST_ENTRY_ID : previousEntryId(oldest.id);
    return entriesAdded === length ? beforeOldest : newestOf([firstId, beforeOldest]);
  }
}

/** Entries up to some point, oldest first; `isWhole`: with the stream's first one. */
interface Reach {
  readonly entries: readonly Entry[];
  readonly isWhole: boolean;
}

function newestOf(ids: readonly EntryId[]): EntryId {
  return ids.reduce((a, b) => (compareEntryIds(b, a) > 0 ? b : a), FIRST_ENTRY_ID);
}
