// Copies the entries of all streams whose names begin with a prefix into one declared stream. One gateway at a time does it. From
// there, the entries have the way of all others: one order, one position, one replay.
import { randomUUID } from 'node:crypto';
import {
  type Broker,
  BrokerError,
  type Entry,
  type EntryId,
  FIRST_ENTRY_ID,
  type FoundSources,
  type SourceProgress,
  type SourceStreams,
} from '@millrace/broker';
import { backOffDelayMs, type Clock, messageOf, pause } from '@millrace/internal';
import { type Pattern, toCollected } from './pattern.js';

/** Maximum number of streams of one pattern. */
const MAX_SOURCES = 256;
/** Time after which another gateway takes over from one that stalls. */
const LEASE_MS = 3_000;
const RENEWAL_MS = 1_000;
/** Pause between two searches for new streams. A stream is found within 5 s, because a search may take as long as the pause. */
const SEARCH_PAUSE_MS = 2_000;
const BLOCK_MS = 1_000;
/** Maximum number of entries that one read returns for each stream. */
const ENTRIES_PER_READ = 50;

/** Dependencies of {@link Collector}. */
export interface CollectorDependencies {
  readonly pattern: Pattern;
  readonly broker: Pick<Broker, 'append'>;
  readonly sources: SourceStreams;
  readonly clock: Clock;
  /** Called after each search: the number of streams that are read, and of those above the maximum. */
  onFound(streams: number, ignored: number): void;
  /** Called when collecting fails, and with `undefined` when it works again. */
  onTrouble(reason: string | undefined): void;
}

/**
 * Collects the entries of one pattern.
 *
 * Guarantees:
 * - Each entry is copied once, in the order of its stream. If a gateway dies while it copies an entry, the next gateway appends the
 *   entry again under the same dedupe ID. If that happens after the broker's `dedupeWindowMs`, the entry is copied twice.
 * - A stream that appears is read from its first entry. Only the streams that exist when a pattern is used for the first time are read
 *   from their end.
 * - The streams of other programs are never changed.
 */
export class Collector {
  readonly #dependencies: CollectorDependencies;
  readonly #owner = randomUUID();
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #isInTrouble = false;
  /** True if this gateway was the last that had the right to read, as far as it knows. */
  #isHolder = false;
  /** Local time up to which this gateway certainly has the right to read. */
  #heldUntilMs = 0;

  constructor(dependencies: CollectorDependencies) {
    this.#dependencies = dependencies;
  }

  /** Begins to collect as soon as no other gateway does. */
  start(): void {
    this.#running = this.#run(this.#stopping.signal);
  }

  /** Stops and lets another gateway take over at once. Never rejects. */
  async stop(): Promise<void> {
    const { sources, pattern } = this.#dependencies;
    this.#stopping.abort();
    await this.#running;
    // If this fails, the right to read ends by itself.
    await sources.release(pattern.into, this.#owner).catch(() => {});
    sources.close();
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies;
    for (let failures = 0; !signal.aborted; ) {
      try {
        if (await this.#takeRight()) await this.#collect(signal);
        else await pause(clock, RENEWAL_MS, signal);
        failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#note(messageOf(error));
        await pause(clock, backOffDelayMs(failures++), signal);
      }
    }
  }

  async #takeRight(): Promise<boolean> {
    const { sources, pattern } = this.#dependencies;
    // A gateway that only waits runs no script.
    return (this.#isHolder || (await sources.isFree(pattern.into))) && (await this.#hold());
  }

  async #hold(): Promise<boolean> {
    const { sources, pattern, clock } = this.#dependencies;
    const askedMs = clock.monotonicMs();
    const isHeld = await sources.hold(pattern.into, this.#owner, LEASE_MS);
    this.#isHolder = isHeld;
    if (isHeld) this.#heldUntilMs = askedMs + LEASE_MS;
    return isHeld;
  }

  /** Collects until `signal` fires, another gateway takes over, or something fails. */
  async #collect(signal: AbortSignal): Promise<void> {
    const { sources, pattern, onFound } = this.#dependencies;
    const ended = new AbortController();
    const onStop = (): void => ended.abort();
    signal.addEventListener('abort', onStop, { once: true });
    const renewal = this.#keepRight(ended.signal);
    const work = sources.cursors(pattern.into).then(async (stored) => {
      const cursors = stored ?? (await this.#begin(ended.signal));
      await this.#search(new Map(cursors), ended.signal);
    });
    try {
      // The first part that ends or fails ends the other one, which may not continue alone.
      await Promise.race([renewal, work]);
    } finally {
      ended.abort();
      await Promise.allSettled([renewal, work]);
      signal.removeEventListener('abort', onStop);
      onFound(0, 0);
    }
  }

  async #keepRight(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pause(this.#dependencies.clock, RENEWAL_MS, signal);
      if (!signal.aborted && !(await this.#hold())) return;
    }
  }

  /** Returns the ends of all streams, from which the pattern is collected. */
  async #begin(signal: AbortSignal): Promise<ReadonlyMap<string, EntryId>> {
    const { sources } = this.#dependencies;
    const { streams } = await this.#find(new Set(), signal);
    const cursors = new Map<string, EntryId>();
    for (const stream of streams) cursors.set(stream, await sources.lastId(stream));
    // A search that was ended has not found all streams.
    if (!signal.aborted) await this.#save({ cursors, gone: [] });
    return cursors;
  }

  #find(known: ReadonlySet<string>, signal: AbortSignal): Promise<FoundSources> {
    const { sources, pattern } = this.#dependencies;
    return sources.find({ prefix: pattern.prefix, known, max: MAX_SOURCES, signal });
  }

  /** @throws BrokerError if another gateway has the right to read */
  async #save(progress: SourceProgress): Promise<void> {
    const { sources, pattern } = this.#dependencies;
    if (await sources.save(pattern.into, this.#owner, progress)) return;
    this.#isHolder = false;
    throw new BrokerError('unavailable', 'another gateway reads the streams now');
  }

  /** Searches for streams, and reads those that exist. */
  async #search(cursors: Map<string, EntryId>, signal: AbortSignal): Promise<void> {
    const { clock, onFound } = this.#dependencies;
    const failed = new AbortController();
    const ended = AbortSignal.any([signal, failed.signal]);
    let reading: Reading = { streams: new Set(), end: async () => {} };
    try {
      while (!ended.aborted) {
        const { streams, ignored } = await this.#find(new Set(cursors.keys()), signal);
        if (ended.aborted) break;
        onFound(streams.size, ignored);
        this.#note(undefined);
        if (!isSame(streams, reading.streams)) {
          await reading.end();
          await this.#change(streams, cursors);
          reading = this.#startReading(cursors, failed);
        }
        await pause(clock, SEARCH_PAUSE_MS, ended);
      }
    } finally {
      await reading.end();
    }
    if (failed.signal.aborted) throw failed.signal.reason;
  }

  /** Forgets streams that are gone, and adds new ones. */
  async #change(streams: ReadonlySet<string>, cursors: Map<string, EntryId>): Promise<void> {
    const { sources } = this.#dependencies;
    const missing = [...cursors.keys()].filter((stream) => !streams.has(stream));
    // A search may miss a stream that moves to another node of a cluster.
    const exist = await Promise.all(missing.map((stream) => sources.exists(stream)));
    const gone = missing.filter((_, index) => exist[index] === false);
    for (const stream of gone) cursors.delete(stream);
    if (gone.length > 0) await this.#save({ cursors: new Map(), gone });
    sources.leave(gone);
    for (const stream of streams) if (!cursors.has(stream)) cursors.set(stream, FIRST_ENTRY_ID);
  }

  #startReading(cursors: Map<string, EntryId>, failed: AbortController): Reading {
    const { sources } = this.#dependencies;
    const ended = new AbortController();
    const groups = sources.groups([...cursors.keys()]).filter((group) => group.length > 0);
    const readers = groups.map((group) =>
      this.#read(group, cursors, ended.signal).catch((error: unknown) => failed.abort(error)),
    );
    return {
      streams: new Set(cursors.keys()),
      end: async () => {
        ended.abort();
        await Promise.all(readers);
      },
    };
  }

  async #read(group: readonly string[], cursors: Map<string, EntryId>, signal: AbortSignal): Promise<void> {
    const { sources, clock } = this.#dependencies;
    while (!signal.aborted) {
      const after = new Map(group.map((stream) => [stream, cursors.get(stream) ?? FIRST_ENTRY_ID]));
      const found = await sources.read(after, { count: ENTRIES_PER_READ, blockMs: BLOCK_MS, signal });
      if (signal.aborted) return;
      // A process that stalled may no longer have the right to read. Another gateway then copies these entries.
      if (found.size > 0 && clock.monotonicMs() > this.#heldUntilMs)
        throw new BrokerError('unavailable', 'the right to read the streams has expired');
      await Promise.all(Array.from(found, ([stream, entries]) => this.#copy(stream, entries, cursors)));
    }
  }

  async #copy(stream: string, entries: readonly Entry[], cursors: Map<string, EntryId>): Promise<void> {
    const { broker, pattern } = this.#dependencies;
    const last = entries.at(-1);
    if (last === undefined) return;
    const receipts = await broker.append(
      pattern.into,
      entries.map((entry) => toCollected(stream, entry)),
    );
    const refused = receipts.find((receipt) => receipt instanceof BrokerError);
    if (refused !== undefined) throw refused;
    await this.#save({ cursors: new Map([[stream, last.id]]), gone: [] });
    cursors.set(stream, last.id);
  }

  /** Reports the beginning and the end of trouble once. */
  #note(reason: string | undefined): void {
    const isInTrouble = reason !== undefined;
    if (isInTrouble === this.#isInTrouble) return;
    this.#isInTrouble = isInTrouble;
    this.#dependencies.onTrouble(reason);
  }
}

/** The reads of the streams that exist. */
interface Reading {
  readonly streams: ReadonlySet<string>;
  /** Ends the reads. Resolves when the entries that were read are copied. */
  end(): Promise<void>;
}

function isSame(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((stream) => b.has(stream));
}
