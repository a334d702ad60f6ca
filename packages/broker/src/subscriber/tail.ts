// The read loop: every entry of every stream, in stream order, from the member's own cursors.
import { backOffDelayMs, pause } from '@millrace/internal';
import { compareEntryIds } from '../entries/entry-id.js';
import { isRefusal, toBrokerError } from '../errors.js';
import type { Broker, Entry, EntryId } from '../port/broker.js';
import type { EntrySizes } from './entry-sizes.js';
import type { StreamHealth } from './stream-health.js';
import type { StreamTrack } from './stream-track.js';
import type { LoopReport, ResolvedMemberOptions } from './subscriber-options.js';

/** Most characters one read should bring: it is one reply, and one turn of the event loop. */
const MAX_READ_CHARS = 4_194_304;

/** How often a stream that the broker refuses is asked for again, by itself. */
const REFUSED_RETRY_MS = 1_000;

/** What the tail works on. */
export interface TailContext {
  readonly broker: Broker;
  readonly options: ResolvedMemberOptions;
  readonly tracks: ReadonlyMap<string, StreamTrack>;
  readonly sizes: EntrySizes;
  readonly report: LoopReport;
  readonly health: StreamHealth;
  /** True when the member is registered at this stream and has warmed up for it. */
  readonly mayRead: (stream: string) => boolean;
  /** Called after each read that brought something of these streams. */
  readonly onProgress: (streams: ReadonlySet<string>) => void;
}

/**
 * Reads until `signal` fires. After a failure it waits with back-off, then asks without blocking, so that it learns
 * at once whether the broker is back. It never begins at "the newest": what was published meanwhile would be lost.
 * A stream that the broker refuses is left out and asked for by itself, so that it does not stop the others.
 */
export class Tail {
  readonly #context: TailContext;
  /** Ends the read under way, without ending the loop; made anew once it has fired. */
  #interrupt = new AbortController();
  /** Every stream of the group. The group does not change while the tail runs. */
  readonly #all: readonly StreamTrack[];
  /** Streams of the present read, with their cursors and the generations that these belong to; kept between reads. */
  #asked: readonly StreamTrack[] = [];
  readonly #cursors = new Map<string, EntryId>();
  readonly #generations = new Map<string, number>();
  /** Each stream of the group as a set of its own. */
  readonly #single = new Map<string, ReadonlySet<string>>();
  #failures = 0;
  /** When the last read came back; undefined before the first. */
  #returnedMs: number | undefined;
  /** Streams that the broker refuses to read → local time of the next attempt. At most every stream of the group. */
  readonly #refused = new Map<string, number>();

  constructor(context: TailContext) {
    this.#context = context;
    this.#all = [...context.tracks.values()];
  }

  /** A cursor was moved back: the read under way asks for the wrong place. */
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
        this.#context.report.onFailure(toBrokerError(error, 'unavailable'));
        await pause(this.#context.options.clock, backOffDelayMs(this.#failures++), signal);
      }
    }
  }

  async #readOnce(signal: AbortSignal): Promise<void> {
    const { options, report } = this.#context;
    if (this.#interrupt.signal.aborted) this.#interrupt = new AbortController();
    if (this.#refused.size > 0) await this.#tryRefused(signal);
    const asked = this.#all.every(this.#mayAsk) ? this.#all : this.#all.filter(this.#mayAsk);
    // A stream that is left out must have its turn while nothing comes in the others.
    const isWhole = asked === this.#all;
    const longestMs = isWhole ? options.readBlockMs : Math.min(options.readBlockMs, REFUSED_RETRY_MS);
    const blockMs = this.#failures > 0 ? 0 : longestMs;
    let isFull = false;
    if (asked.length > 0) isFull = await this.#readGroup(asked, blockMs, signal);
    else await pause(options.clock, longestMs, AbortSignal.any([signal, this.#interrupt.signal]));
    if (signal.aborted) return;
    report.onSuccess();
    // A backlog is read without waiting for anybody; others must have their turn in between.
    if (isFull) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  readonly #mayAsk = ({ stream }: StreamTrack): boolean =>
    this.#context.mayRead(stream) && !this.#refused.has(stream);

  /** One read of these streams. When the broker refuses it, each is asked for by itself: most often one is to blame. */
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
    const nowMs = this.#context.options.clock.monotonicMs();
    for (const track of this.#all)
      if ((this.#refused.get(track.stream) ?? Infinity) <= nowMs) await this.#readAlone(track, signal);
  }

  async #readAlone(track: StreamTrack, signal: AbortSignal): Promise<boolean> {
    const { health, options } = this.#context;
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

  /** Resolves to true when one of the streams brought as much as a read may: then there is more. */
  async #readStreams(asked: readonly StreamTrack[], blockMs: number, signal: AbortSignal): Promise<boolean> {
    const { broker, options, tracks, sizes, onProgress } = this.#context;
    this.#noteAsked(asked);
    const generations = this.#generations;
    const count = this.#readCount();
    const found = await broker.readAfter(this.#cursors, { count, blockMs, signal: this.#interrupt.signal });
    if (signal.aborted) return false;
    const stoodStill = this.#noteReturn();
    let isFull = false;
    for (const [stream, entries] of found) {
      const track = tracks.get(stream);
      // Reset while the read was under way: these come from behind the new cursor and would hide what is before.
      if (track === undefined || track.generation !== generations.get(stream)) continue;
      sizes.note(stream, entries);
      const isBehind = stoodStill || entries.length >= count;
      if (isBehind && (await this.#isOvertaken(track))) {
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

  /** The streams of a reply; most are of one. */
  #namesOf(found: ReadonlyMap<string, unknown>): ReadonlySet<string> {
    if (found.size > 1) return new Set(found.keys());
    const [stream = ''] = found.keys();
    const known = this.#single.get(stream);
    if (known !== undefined) return known;
    const names = new Set([stream]);
    this.#single.set(stream, names);
    return names;
  }

  /** Whether more time passed since the last read than a read takes that waits in vain. */
  #noteReturn(): boolean {
    const { clock, readBlockMs } = this.#context.options;
    const nowMs = clock.monotonicMs();
    const beforeMs = this.#returnedMs;
    this.#returnedMs = nowMs;
    return beforeMs !== undefined && nowMs - beforeMs > 2 * readBlockMs;
  }

  /**
   * Whether entries after the cursor may have gone before they were read. A trim leaves the entry at every cursor where it is, so
   * while that one, or an older one, is there nothing after it has gone.
   */
  async #isOvertaken(track: StreamTrack): Promise<boolean> {
    if (!track.hasRead) return false;
    const [oldest] = await this.#context.broker.readRange(track.stream, { count: 1 });
    return oldest === undefined || compareEntryIds(oldest.id, track.cursor) > 0;
  }

  /** One count holds for every stream of the read, so the one with the largest entries decides. */
  #readCount(): number {
    const { options, sizes } = this.#context;
    const share = MAX_READ_CHARS / Math.max(1, this.#all.length);
    let count = options.readCount;
    for (const { stream } of this.#all) count = sizes.countWithin(stream, share, count);
    return count;
  }

  #handle(track: StreamTrack, entries: readonly Entry[]): void {
    const { onEntry, onError, onGap } = this.#context.options;
    for (const entry of entries) {
      // Moved before the call, so that the position the handler sees includes the entry. Nothing else can look in
      // between: the handler is synchronous.
      const lost = track.advance(entry);
      if (lost > 0) onGap(track.stream, lost, track.isGapKnown);
      try {
        onEntry(track.stream, entry);
      } catch (error) {
        onError(error instanceof Error ? error : new Error(String(error)), 'entry');
      }
    }
  }
}
