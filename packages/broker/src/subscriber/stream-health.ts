// Records problems of single streams. A problem is reported while the other streams continue.
import { type EntryId, entryIdMs, LAST_ENTRY_ID } from '../entries/entry-id.js';
import type { BrokerError } from '../errors.js';

/**
 * Kind of trouble with one stream:
 * - `refused`: the store permanently refuses the stream, for example because a key has the wrong type.
 * - `exhausted`: the newest ID is the largest possible ID, so nothing can be appended.
 * - `ahead`: the newest ID is ahead of the broker's clock.
 * @beta
 */
export type StreamTroubleKind = 'refused' | 'exhausted' | 'ahead';

/** One trouble of one stream. It lasts until `onTroubleOver` is called with this stream and kind. @beta */
export interface StreamTrouble {
  readonly stream: string;
  readonly kind: StreamTroubleKind;
  /** Description of the trouble, for people. */
  readonly message: string;
}

/**
 * The part of a subscriber that found the problem. `newest_id` is the check of the newest ID. The other parts
 * find refused streams.
 */
export type HealthSource = 'register' | 'tail' | 'heartbeat' | 'ledger' | 'newest_id';

/** Callbacks for changes: one call when a kind of trouble begins at a stream, and one call when it is over. */
export interface HealthListener {
  readonly onTrouble: (trouble: StreamTrouble) => void;
  readonly onTroubleOver: (stream: string, kind: StreamTroubleKind) => void;
}

/** The present troubles of all streams. Bounded by the number of streams times the number of sources. */
export class StreamHealth {
  readonly #listener: HealthListener;
  readonly #found = new Map<string, Map<HealthSource, StreamTrouble>>();

  constructor(listener: HealthListener) {
    this.#listener = listener;
  }

  /** All present troubles, one per stream and kind. */
  get troubles(): readonly StreamTrouble[] {
    return [...this.#found.values()].flatMap((found) => [
      ...new Map(Array.from(found.values(), (trouble) => [trouble.kind, trouble])).values(),
    ]);
  }

  /** True when the broker refuses the stream to at least one of the `sources`. */
  isRefused(
    stream: string,
    sources: readonly HealthSource[] = ['register', 'tail', 'heartbeat', 'ledger'],
  ): boolean {
    const found = this.#found.get(stream);
    return found !== undefined && sources.some((source) => found.get(source)?.kind === 'refused');
  }

  /** Records that the broker refused a request of `source` for the stream. */
  refuse(stream: string, source: HealthSource, error: BrokerError): void {
    this.note(stream, source, { stream, kind: 'refused', message: error.message });
  }

  /** Records the present finding of `source`. `undefined` means no trouble. */
  note(stream: string, source: HealthSource, trouble: StreamTrouble | undefined): void {
    const known = this.#found.get(stream);
    if (known === undefined && trouble === undefined) return;
    const found = known ?? new Map<HealthSource, StreamTrouble>();
    const before = kindsOf(found);
    if (trouble === undefined) found.delete(source);
    else if (found.get(source)?.kind !== trouble.kind) found.set(source, trouble);
    if (found.size === 0) this.#found.delete(stream);
    else this.#found.set(stream, found);
    const after = kindsOf(found);
    for (const kind of before) if (!after.has(kind)) this.#listener.onTroubleOver(stream, kind);
    if (trouble !== undefined && !before.has(trouble.kind)) this.#listener.onTrouble(trouble);
  }
}

function kindsOf(found: ReadonlyMap<HealthSource, StreamTrouble>): ReadonlySet<StreamTroubleKind> {
  return new Set(Array.from(found.values(), ({ kind }) => kind));
}

/**
 * Milliseconds by which IDs may be ahead of the broker's clock without a report. The new server's clock may be behind after a
 * failover.
 */
const MAX_LEAD_MS = 5_000;

/** Returns the trouble that a stream's newest ID shows, compared with the broker's time in the same reply. */
export function newestIdTrouble(reply: {
  readonly stream: string;
  readonly lastId: EntryId;
  readonly timeMs: number;
}): StreamTrouble | undefined {
  const { stream, lastId, timeMs } = reply;
  if (lastId === LAST_ENTRY_ID) return { stream, kind: 'exhausted', message: exhaustedMessage(stream) };
  const leadMs = entryIdMs(lastId) - timeMs;
  if (leadMs <= MAX_LEAD_MS) return undefined;
  const lead = `${Math.round(leadMs / 1000)} s ahead of the store's clock`;
  const message = `The newest ID of ${stream}, ${lastId}, is ${lead}: a producer chose it, or the clock went back`;
  return { stream, kind: 'ahead', message };
}

function exhaustedMessage(stream: string): string {
  return `${stream} has given out the largest ID there is, so nothing can be appended; see docs/streams-in-trouble.md`;
}
