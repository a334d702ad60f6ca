// The read loop: reads every entry of every stream, in stream order, from the subscriber's own cursors.
import { backOffDelayMs, pause, toError } from '@millrace/internal';
import { compareEntryIds, type EntryId } from '../entries/entry-id.js';
import { isRefusal, toBrokerError } from '../errors.js';
import type { Broker } from '../port/broker.js';
import type { Entry } from '../port/entry-log.js';
import type { EntrySizes } from './entry-sizes.js';
import type { StreamHealth } from './stream-health.js';
import type { StreamTrack } from './stream-track.js';
import type { LoopReport, ResolvedSubscriberOptions } from './subscriber-options.js';

/** Maximum number of characters that one read should return. A read is one reply, and one turn of the event loop handles it. */
const MAX_READ_CHARS = 4_194_304;

/** Time after which a refused stream is tried again in a separate read, in milliseconds. */
const REFUSED_RETRY_MS = 1_000;

/** Dependencies of {@link Tail}. */
export interface TailDependencies {
  readonly broker: Broker;
  readonly options: ResolvedSubscriberOptions;
  readonly tracks: ReadonlyMap<string, StreamTrack>;
  readonly sizes: EntrySizes;
  readonly report: LoopReport;
  readonly health: StreamHealth;
  /** True when the subscriber is registered at this stream and has warmed up for it. */
  readonly mayRead: (stream: string) => boolean;
  /** Called after each read that returned entries of these streams. */
  readonly onProgress: (streams: ReadonlySet<string>) => void;
}

/**
 * Reads until `signal` fires. After a failure, the tail waits with back-off. It then reads without blocking, so that it
 * learns at once whether the broker is back.
 *
 * The tail always continues at its cursors. From the newest entry on, it would lose the entries that were published during
 * the failure. A stream that the broker refuses is read separately, so that it does not stop the others.
 */
export class Tail {
  readonly #dependencies: TailDependencies;
  /** Ends the present read, without ending the loop. A new controller replaces one that has fired. */
  #interrupt = new AbortController();
  /** Every stream of the group. The group does not change while the tail runs. */
  readonly #all: readonly StreamTrack[];
  /**
   * Streams of the present read. `#cursors` and `#generations` belong to these streams, and are kept between
   * reads.
   */
  #asked: readonly StreamTrack[] = [];
  readonly #cursors = new Map<string, EntryId>();
  readonly #generations = new Map<string, number>();
  /** Stream → a set with only this stream, which `#namesOf` reuses. */
  readonly #single = new Map<string, ReadonlySet<string>>();
  #failures = 0;
  /** Local time at which the last read returned. `undefined` before the first read. */
  #returnedMs: number | undefined;
  /** Refused streams → local time of the next attempt. Bounded by the streams of the group. */
  readonly #refused = new Map<string, number>();

  constructor(dependencies: TailDependencies) {
    this.#dependencies = dependencies;
    this.#all = [...dependencies.tracks.values()];
  }

  /** Ends the present read, because it uses an outdated cursor. */
  interrupt(): void {
    this.#interrupt.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.interrupt(), { once: true });
    while (!signal.aborted) {
      try {
        await this.#readOnce(signal);
        this.#failures = 0;
      } catch (error) {
        if (signal.aborted) return;
        this.#dependencies.report.onFailure(toBrokerError(error, 'unavailable'));
        await pause(this.#dependencies.options.clock, backOffDelayMs(this.#failures++), signal);
      }
    }
  }

  async #readOnce(signal: AbortSignal): Promise<void> {
    const { options, report } = this.#dependencies;
    if (this.#interrupt.signal.aborted) this.#interrupt = new AbortController();
    if (this.#refused.size > 0) await this.#tryRefused(signal);
    const asked = this.#all.every(this.#mayAsk) ? this.#all : this.#all.filter(this.#mayAsk);
    // Reads block for a shorter time while a stream is left out. It is then tried again even if the others have no new
    // entries.
    const isWhole = asked === this.#all;
    const longestMs = isWhole ? options.readBlockMs : Math.min(options.readBlockMs, REFUSED_RETRY_MS);
    const blockMs = this.#failures > 0 ? 0 : longestMs;
    let isFull = false;
    if (asked.length > 0) isFull = await this.#readGroup(asked, blockMs, signal);
    else await pause(options.clock, longestMs, AbortSignal.any([signal, this.#interrupt.signal]));
    if (signal.aborted) return;
    report.onSuccess();
    // Lets other work run between the reads of a backlog, which follow each other without a pause.
    if (isFull) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  readonly #mayAsk = ({ stream }: StreamTrack): boolean =>
    this.#dependencies.mayRead(stream) && !this.#refused.has(stream);

  /**
   * Reads these streams together. If the broker refuses the read, reads each stream alone, because usually only one is
   * refused.
   */
  async #readGroup(asked: readonly StreamTrack[], blockMs: number, signal: AbortSignal): Promise<boolean> {
    try {
      return await this.#readStreams(asked, blockMs, signal);
    } catch (error) {
      if (!isRefusal(error)) throw error;
    }
    let isFull = false;
    for (const track of asked) if (await this.#readAlone(track, signal)) isFull = true;
    return isFull;
  }

  async #tryRefused(signal: AbortSignal): Promise<void> {
    const nowMs = this.#dependencies.options.clock.monotonicMs();
    for (const track of this.#all)
      if ((this.#refused.get(track.stream) ?? Infinity) <= nowMs) await this.#readAlone(track, signal);
  }

  async #readAlone(track: StreamTrack, signal: AbortSignal): Promise<boolean> {
    const { health, options } = this.#dependencies;
    const { stream } = track;
    try {
      const isFull = await this.#readStreams([track], 0, signal);
      this.#refused.delete(stream);
      health.note(stream, 'tail', undefined);
      return isFull;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#refused.set(stream, options.clock.monotonicMs() + REFUSED_RETRY_MS);
      health.refuse(stream, 'tail', error);
      return false;
    }
  }

  /**
   * Reads these streams and handles their entries. Resolves to true if a stream returned the full count, because more entries
   * then probably wait.
   */
  async #readStreams(asked: readonly StreamTrack[], blockMs: number, signal: AbortSignal): Promise<boolean> {
    const { broker, options, tracks, sizes, onProgress } = this.#dependencies;
    this.#noteAsked(asked);
    const generations = this.#generations;
    const count = this.#readCount();
    const read = { count, blockMs, signal: this.#interrupt.signal };
    let found = await broker.readAfter(this.#cursors, read);
    if (signal.aborted) return false;
    const hasStalled = this.#noteReturn();
    if (hasStalled && found.size > 0) {
      // The reply may have waited here for longer than others waited for this subscriber. Its entries may have been erased
      // meanwhile.
      found = await broker.readAfter(this.#cursors, { ...read, blockMs: 0 });
      if (signal.aborted) return false;
    }
    let isFull = false;
    for (const [stream, entries] of found) {
      const track = tracks.get(stream);
      // The track was reset during the read. Handling these entries would skip the entries between them and the new cursor.
      if (track === undefined || track.generation !== generations.get(stream)) continue;
      sizes.note(stream, entries);
      // A stream that was cut at its hard cap still has that many entries.
      const isBehind = hasStalled || entries.length >= Math.min(count, this.#hardCapOf(stream));
      if (isBehind && (await this.#isOvertaken(track))) {
        await options.beforeOvertaken(stream);
        if (signal.aborted || track.generation !== generations.get(stream)) continue;
        const firstId = entries[0]?.id ?? track.cursor;
        track.noteGap(firstId);
        options.onOvertaken(stream, firstId);
      }
      if (track.generation !== generations.get(stream)) continue;
      this.#handle(track, entries);
      if (entries.length >= count) isFull = true;
    }
    if (found.size > 0) onProgress(this.#namesOf(found));
    return isFull;
  }

  #noteAsked(asked: readonly StreamTrack[]): void {
    if (asked !== this.#asked) this.#cursors.clear();
    this.#asked = asked;
    for (const { stream, cursor, generation } of asked) {
      this.#cursors.set(stream, cursor);
      this.#generations.set(stream, generation);
    }
  }

  /** Returns the streams of a reply. Most replies have only one stream. */
  #namesOf(found: ReadonlyMap<string, unknown>): ReadonlySet<string> {
    if (found.size > 1) return new Set(found.keys());
    const [stream = ''] = found.keys();
    const known = this.#single.get(stream);
    if (known !== undefined) return known;
    const names = new Set([stream]);
    this.#single.set(stream, names);
    return names;
  }

  /**
   * Records that a read has returned. Returns true if the reader was paused: the previous read returned more than twice
   * `readBlockMs` ago.
   */
  #noteReturn(): boolean {
    const { clock, readBlockMs } = this.#dependencies.options;
    const nowMs = clock.monotonicMs();
    const beforeMs = this.#returnedMs;
    this.#returnedMs = nowMs;
    return beforeMs !== undefined && nowMs - beforeMs > 2 * readBlockMs;
  }

  /** Returns `Infinity` for a stream that is not declared, because no gateway cuts it. */
  #hardCapOf(stream: string): number {
    const { partitioning, options } = this.#dependencies.broker;
    const declared = partitioning.streams.find(({ name }) => name === stream);
    return declared === undefined ? Infinity : declared.maxLength * options.hardCapFactor;
  }

  /** True when entries after the cursor were trimmed before they were read. */
  async #isOvertaken(track: StreamTrack): Promise<boolean> {
    if (!track.hasRead) return false;
    const { completeAfter } = await this.#dependencies.broker.inspect(track.stream);
    return compareEntryIds(completeAfter, track.cursor) > 0;
  }

  /** Returns the count for the next read. All streams share one count, so the stream with the largest entries decides. */
  #readCount(): number {
    const { options, sizes } = this.#dependencies;
    const share = MAX_READ_CHARS / Math.max(1, this.#all.length);
    let count = options.readCount;
    for (const { stream } of this.#all) count = sizes.countWithin(stream, share, count);
    return count;
  }

  #handle(track: StreamTrack, entries: readonly Entry[]): void {
    const { onEntry, onError, onGap } = this.#dependencies.options;
    for (const entry of entries) {
      // The cursor moves before the call, so that the handler sees a position that includes the entry. The handler is
      // synchronous, so nothing else runs in between.
      const lost = track.advance(entry);
      if (lost > 0) onGap(track.stream, lost, track.isGapKnown);
      try {
        onEntry(track.stream, entry);
      } catch (error) {
        onError(toError(error), 'entry');
      }
    }
  }
}
