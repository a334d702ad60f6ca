// The read loop: every entry of every stream, in stream order, from the member's own cursors.
import { backOffDelayMs } from '../back-off.js';
import type { Broker, Entry } from '../broker.js';
import { pause } from '../clock.js';
import { compareEntryIds } from '../entry-id.js';
import { toBrokerError } from '../errors.js';
import type { EntrySizes } from './entry-sizes.js';
import type { LoopReport, ResolvedMemberOptions } from './member-options.js';
import type { StreamTrack } from './stream-track.js';

/** Most characters one read should bring: it is one reply, and one turn of the event loop. */
const MAX_READ_CHARS = 4_194_304;

/** What the tail works on. */
export interface TailContext {
  readonly broker: Broker;
  readonly options: ResolvedMemberOptions;
  readonly tracks: ReadonlyMap<string, StreamTrack>;
  readonly sizes: EntrySizes;
  readonly report: LoopReport;
  /** Called after each read that brought something of these streams. */
  readonly onProgress: (streams: ReadonlySet<string>) => void;
}

/**
 * Reads until `signal` fires. After a failure it waits with back-off, then asks without blocking, so that it learns
 * at once whether the broker is back. It never begins at "the newest": what was published meanwhile would be lost.
 */
export class Tail {
  readonly #context: TailContext;
  /** Ends the read under way, without ending the loop. */
  #interrupt = new AbortController();
  #failures = 0;
  /** When the last read came back; undefined before the first. */
  #returnedMs: number | undefined;

  constructor(context: TailContext) {
    this.#context = context;
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
    const { broker, options, tracks, sizes, report, onProgress } = this.#context;
    this.#interrupt = new AbortController();
    const cursors = new Map(Array.from(tracks, ([stream, track]) => [stream, track.cursor] as const));
    const generations = new Map(Array.from(tracks, ([stream, track]) => [stream, track.generation] as const));
    const count = this.#readCount();
    const blockMs = this.#failures > 0 ? 0 : options.readBlockMs;
    const found = await broker.readAfter(cursors, {
      count,
      blockMs,
      signal: this.#interrupt.signal,
    });
    if (signal.aborted) return;
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
        options.onOvertaken(stream, entries[0]?.id ?? track.cursor);
      }
      if (track.generation !== generations.get(stream)) continue;
      this.#handle(track, entries);
      if (entries.length >= count) isFull = true;
    }
    report.onSuccess();
    if (found.size > 0) onProgress(new Set(found.keys()));
    // A backlog is read without waiting for anybody; others must have their turn in between.
    if (isFull) await new Promise<void>((resolve) => setImmediate(resolve));
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
    const { options, tracks, sizes } = this.#context;
    const share = MAX_READ_CHARS / Math.max(1, tracks.size);
    let count = options.readCount;
    for (const stream of tracks.keys()) count = sizes.countWithin(stream, share, count);
    return count;
  }

  #handle(track: StreamTrack, entries: readonly Entry[]): void {
    const { onEntry, onError, onGap } = this.#context.options;
    for (const entry of entries) {
      // Moved before the call, so that the position the handler sees includes the entry. Nothing else can look in
      // between: the handler is synchronous.
      const lost = track.advance(entry);
      if (lost > 0) onGap(track.stream, lost);
      try {
        onEntry(track.stream, entry);
      } catch (error) {
        onError(error instanceof Error ? error : new Error(String(error)), 'entry');
      }
    }
  }
}
