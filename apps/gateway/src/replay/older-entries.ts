// What a stream still holds from before the ring: one shared, bounded read for all clients that come back with an old
// position at about the same time.
import { type Broker, compareEntryIds, type Entry, type EntryId } from '@millrace/broker';

/** Bounds of {@link OlderEntries}. */
export interface OlderEntriesOptions {
  /** Most entries read of one stream; a client that missed more is told to reload. */
  readonly maxEntries: number;
  /** How long a read is kept for the next client. */
  readonly keepMs: number;
}

/** Entries of a stream after `from` up to `upTo`; `undefined` when they cannot be had. */
interface Span {
  readonly from: EntryId;
  readonly upTo: EntryId;
  readonly entries: readonly Entry[] | undefined;
  readonly readAtMs: number;
}

const pageEntries = 500;

/** Reads entries that are older than the ring. At most one read of a stream is under way; others wait for it and use it. */
export class OlderEntries {
  readonly #broker: Pick<Broker, 'readRange' | 'inspect'>;
  readonly #options: OlderEntriesOptions;
  readonly #nowMs: () => number;
  /** The last read of each stream. */
  readonly #spans = new Map<string, Promise<Span>>();

  constructor(
    broker: Pick<Broker, 'readRange' | 'inspect'>,
    options: OlderEntriesOptions,
    nowMs: () => number,
  ) {
    this.#broker = broker;
    this.#options = options;
    this.#nowMs = nowMs;
  }

  /**
   * All entries after `from` up to `upTo`; `undefined` when the stream has lost some of them, or they are too many.
   *
   * @throws BrokerError when the broker cannot be asked
   */
  async read(stream: string, from: EntryId, upTo: EntryId): Promise<readonly Entry[] | undefined> {
    const span = await this.#share(stream, from, upTo);
    return span.entries?.filter(({ id }) => compareEntryIds(id, from) > 0 && compareEntryIds(id, upTo) <= 0);
  }

  #share(stream: string, from: EntryId, upTo: EntryId): Promise<Span> {
    const read = (): Promise<Span> => this.#readSpan(stream, from, upTo);
    // The next in line begins when the one before is done, whatever became of it.
    const mine =
      this.#spans.get(stream)?.then((known) => (this.#serves(known, from, upTo) ? known : read()), read) ??
      read();
    this.#spans.set(stream, mine);
    return mine;
  }

  #serves(span: Span, from: EntryId, upTo: EntryId): boolean {
    if (this.#nowMs() - span.readAtMs > this.#options.keepMs) return false;
    // What could not be had from there on can be had even less from further back.
    if (span.entries === undefined) return compareEntryIds(from, span.from) <= 0;
    return compareEntryIds(span.from, from) <= 0 && compareEntryIds(span.upTo, upTo) >= 0;
  }

  async #readSpan(stream: string, from: EntryId, upTo: EntryId): Promise<Span> {
    const entries = await this.#readAll(stream, from, upTo);
    return { from, upTo, entries, readAtMs: this.#nowMs() };
  }

  async #readAll(stream: string, from: EntryId, upTo: EntryId): Promise<readonly Entry[] | undefined> {
    if (!(await this.#hasAllAfter(stream, from))) return undefined;
    const entries: Entry[] = [];
    for (let after = from; entries.length <= this.#options.maxEntries; ) {
      const page = await this.#broker.readRange(stream, { after, upTo, count: pageEntries });
      entries.push(...page);
      const last = page.at(-1);
      if (last === undefined || page.length < pageEntries) break;
      after = last.id;
    }
    if (entries.length > this.#options.maxEntries) return undefined;
    // Asked again after the read: what was trimmed meanwhile counts as lost.
    return (await this.#hasAllAfter(stream, from)) ? entries : undefined;
  }

  /** A stream has everything after an ID when it has something up to it, or when nothing ever left it. */
  async #hasAllAfter(stream: string, id: EntryId): Promise<boolean> {
    const { firstId, entriesAdded, length } = await this.#broker.inspect(stream);
    if (entriesAdded === length) return true;
    return firstId !== undefined && compareEntryIds(firstId, id) <= 0;
  }
}
