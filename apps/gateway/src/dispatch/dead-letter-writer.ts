// Stores rejected entries as dead letters. While the broker does not accept a dead letter, remembers the entry, and stores it later
// from its stream.
import { BrokerError, type Entry, type EntryId } from '@millrace/broker';
import type { CancelTimer, Clock } from '@millrace/internal';
import { startRepeatingTimer } from '../repeating-timer.js';

/** An entry that becomes a dead letter. */
export interface UnstoredEntry {
  readonly stream: string;
  readonly id: EntryId;
  readonly reason: string;
}

/** Dependencies of {@link DeadLetterWriter}. */
export interface DeadLetterWriterDependencies {
  readonly clock: Pick<Clock, 'startTimer'>;
  /** Returns the entry as its writer wrote it, or `undefined` if the stream no longer has it. @throws BrokerError */
  read(stream: string, id: EntryId): Promise<Entry | undefined>;
  /** Stores one dead letter. May be repeated. @throws BrokerError */
  write(stream: string, entry: Entry, reason: string): Promise<void>;
  /** Called once for each entry that could not be stored at once, and for each that is given up. */
  onFailure(entry: UnstoredEntry, error: unknown): void;
}

const retryIntervalMs = 1_000;
/** Maximum number of remembered entries. Above it, the oldest is given up. Streams keep 1,000 dead letters each. */
const maxEntries = 10_000;

/**
 * States of an entry: being stored → stored, or being stored → waiting → stored. A waiting entry is given up if its stream no longer
 * has it, or above `maxEntries`.
 */
export class DeadLetterWriter {
  readonly #dependencies: DeadLetterWriterDependencies;
  /** Calls that have not ended. Bounded by the calls in progress of the broker. */
  readonly #running = new Set<Promise<void>>();
  /** The waiting entries, the oldest first. Their content is not kept, because the stream has it. */
  readonly #waiting = new Set<UnstoredEntry>();
  #cancelTimer: CancelTimer | undefined;
  #retrying: Promise<void> | undefined;

  constructor(dependencies: DeadLetterWriterDependencies) {
    this.#dependencies = dependencies;
  }

  /** The streams whose dead letters wait, because the broker does not accept them. */
  get waitingStreams(): readonly string[] {
    return [...new Set([...this.#waiting].map(({ stream }) => stream))];
  }

  /** Stores an entry, now or later. */
  store(stream: string, entry: Entry, reason: string): void {
    const writing = this.#dependencies
      .write(stream, entry, reason)
      .catch((error: unknown) => this.#storeLater({ stream, id: entry.id, reason }, error))
      .finally(() => this.#running.delete(writing));
    this.#running.add(writing);
  }

  /** Tries the waiting entries once more. Resolves when no call is in progress. Never rejects. */
  async stop(): Promise<void> {
    await Promise.all(this.#running);
    await this.#retry();
    this.#pause();
  }

  #storeLater(entry: UnstoredEntry, error: unknown): void {
    const { clock, onFailure } = this.#dependencies;
    onFailure(entry, error);
    // Another attempt cannot succeed.
    if (!(error instanceof BrokerError) || error.code === 'closed' || error.code === 'invalid_argument')
      return;
    this.#waiting.add(entry);
    const [oldest] = this.#waiting;
    if (this.#waiting.size > maxEntries && oldest !== undefined) this.#giveUp(oldest);
    this.#cancelTimer ??= startRepeatingTimer(clock, retryIntervalMs, () => void this.#retry());
  }

  #retry(): Promise<void> {
    this.#retrying ??= this.#retryAll().finally(() => (this.#retrying = undefined));
    return this.#retrying;
  }

  /** Tries the waiting entries. One stream does not wait for another, because a node of a cluster may be unavailable. */
  async #retryAll(): Promise<void> {
    const streams = new Set(Array.from(this.#waiting, ({ stream }) => stream));
    await Promise.all(Array.from(streams, (stream) => this.#retryStream(stream)));
    if (this.#waiting.size === 0) this.#pause();
  }

  /** Tries the waiting entries of a stream in their order, up to the first failure. */
  async #retryStream(stream: string): Promise<void> {
    const { read, write } = this.#dependencies;
    for (const waiting of [...this.#waiting].filter((each) => each.stream === stream)) {
      const { id, reason } = waiting;
      try {
        const entry = await read(stream, id);
        if (entry === undefined) this.#giveUp(waiting);
        else await write(stream, entry, reason);
        this.#waiting.delete(waiting);
      } catch {
        // The failure was reported when the entry began to wait.
        return;
      }
    }
  }

  #giveUp(entry: UnstoredEntry): void {
    this.#waiting.delete(entry);
    this.#dependencies.onFailure(entry, new Error('the entry left its stream, or too many others wait'));
  }

  #pause(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
