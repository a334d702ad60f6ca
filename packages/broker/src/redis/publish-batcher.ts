// Gathers the publishes of one stream into batches: one is in flight, and what arrives meanwhile is the next one.
// Order is kept and a busy stream pays for one script call per batch instead of per entry.
import type { OutgoingEntry, PublishReceipt } from '../broker.js';
import type { Clock } from '../clock.js';
import { BrokerError, toBrokerError } from '../errors.js';

/** Appends the entries of one batch; one receipt per entry in order, or an error in its place. */
export type SendBatch = (
  entries: readonly OutgoingEntry[],
) => Promise<readonly (PublishReceipt | BrokerError)[]>;

/** Bounds of one batcher. */
export interface BatcherOptions {
  readonly maxBatchEntries: number;
  /** A batch is closed at this many characters, so that one call stays short. At least one entry goes in any case. */
  readonly maxBatchChars: number;
  /** Beyond either bound a publish is refused with `overloaded`. */
  readonly maxQueuedEntries: number;
  readonly maxQueuedChars: number;
  /** An entry that waited longer than this is not sent any more: `timeout`. */
  readonly maxWaitMs: number;
  readonly clock: Clock;
}

interface Waiting {
  readonly entry: OutgoingEntry;
  readonly chars: number;
  readonly sinceMs: number;
  readonly resolve: (receipt: PublishReceipt) => void;
  readonly reject: (error: BrokerError) => void;
}

/**
 * Idle → Scheduled (something waits; the batch goes at the end of this turn, so that one loop makes one batch) →
 * InFlight → Scheduled or Idle. A batch that fails takes with it everything that waits behind it: sent afterwards, it
 * would overtake the retry of the batch that failed.
 */
export class PublishBatcher {
  readonly #send: SendBatch;
  readonly #options: BatcherOptions;
  #state: 'idle' | 'scheduled' | 'in_flight' = 'idle';
  #queue: Waiting[] = [];
  #queuedChars = 0;
  #onIdle: (() => void)[] = [];

  constructor(send: SendBatch, options: BatcherOptions) {
    this.#send = send;
    this.#options = options;
  }

  publish(entry: OutgoingEntry, chars: number): Promise<PublishReceipt> {
    const { maxQueuedEntries, maxQueuedChars, clock } = this.#options;
    const isFull = this.#queue.length >= maxQueuedEntries || this.#queuedChars + chars > maxQueuedChars;
    if (isFull && this.#queue.length > 0) {
      return Promise.reject(new BrokerError('overloaded', `Too many publishes wait for ${entry.stream}`));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ entry, chars, sinceMs: clock.monotonicMs(), resolve, reject });
      this.#queuedChars += chars;
      this.#schedule();
    });
  }

  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void> {
    if (this.#state === 'idle') return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #schedule(): void {
    if (this.#state !== 'idle') return;
    this.#state = 'scheduled';
    queueMicrotask(() => void this.#flush());
  }

  async #flush(): Promise<void> {
    const batch = this.#takeBatch();
    if (batch.length > 0) {
      this.#state = 'in_flight';
      await this.#sendBatch(batch);
    }
    this.#state = 'idle';
    if (this.#queue.length > 0) return this.#schedule();
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  async #sendBatch(batch: readonly Waiting[]): Promise<void> {
    let failure: BrokerError | undefined;
    try {
      const results = await this.#send(batch.map((waiting) => waiting.entry));
      for (const [index, waiting] of batch.entries()) {
        const result = results[index] ?? failure ?? missing();
        if (result instanceof BrokerError) {
          failure = result;
          waiting.reject(result);
        } else {
          waiting.resolve(result);
        }
      }
    } catch (error) {
      failure = toBrokerError(error, 'unavailable');
      for (const waiting of batch) waiting.reject(failure);
    }
    if (failure !== undefined) this.#rejectQueued(failure);
  }

  #takeBatch(): Waiting[] {
    const { maxBatchEntries, maxBatchChars, maxWaitMs, clock } = this.#options;
    const oldestMs = clock.monotonicMs() - maxWaitMs;
    const batch: Waiting[] = [];
    let taken = 0;
    let chars = 0;
    for (const waiting of this.#queue) {
      const isFull =
        batch.length >= maxBatchEntries || (batch.length > 0 && chars + waiting.chars > maxBatchChars);
      if (isFull) break;
      taken++;
      this.#queuedChars -= waiting.chars;
      if (waiting.sinceMs < oldestMs) {
        waiting.reject(
          new BrokerError('timeout', `The publish waited more than ${maxWaitMs} ms and was not sent`, {
            nothingHappened: true,
          }),
        );
      } else {
        batch.push(waiting);
        chars += waiting.chars;
      }
    }
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken);
    return batch;
  }

  #rejectQueued(cause: BrokerError): void {
    const queued = this.#queue;
    this.#queue = [];
    this.#queuedChars = 0;
    for (const waiting of queued) {
      waiting.reject(
        new BrokerError(cause.code, `Not sent, because the batch before failed: ${cause.message}`, {
          cause,
          nothingHappened: true,
        }),
      );
    }
  }
}

function missing(): BrokerError {
  return new BrokerError('refused', 'Redis left an entry of the batch unanswered');
}
