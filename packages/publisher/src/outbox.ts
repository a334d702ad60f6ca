// What waits between a publisher and the broker: by stream and lane, bounded, repeated under the same IDs while the broker
// is away, and refused in time where it does not come back.
import {
  type Broker,
  BrokerError,
  backOffDelayMs,
  type CancelTimer,
  type Clock,
  type OutgoingEntry,
  type PublishReceipt,
} from '@millrace/broker';
import { LANES, type Lane } from '@millrace/contract';
import { brokerUnavailable, PublisherError, RETRY_AFTER_MS } from './errors.js';

/** Bounds of an outbox. */
export interface OutboxOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly maxEvents: number;
  /** Characters of all fields that wait. */
  readonly maxChars: number;
  /** What has waited this long is refused, unless it is on its way at that moment. */
  readonly maxWaitMs: number;
}

/** One event for the outbox. */
export interface OutboxEvent {
  readonly eventId: string;
  readonly lane: Lane;
  readonly entry: OutgoingEntry;
}

interface Waiting extends OutboxEvent {
  readonly chars: number;
  readonly sinceMs: number;
  /** It was sent before, and may be stored. */
  mayBeStored: boolean;
  readonly resolve: (receipt: PublishReceipt) => void;
  readonly reject: (error: Error) => void;
}

/** Calls that are handed to the broker together, as a multiple of what it sends in one batch. */
const batchesAtOnce = 4;
/** Longest pause between two attempts while the broker is away; it also wakes the outbox when it is back. */
const maxRetryDelayMs = 1_000;

/**
 * Guarantees: events of one stream and lane are stored in the order in which they were put in, also over failures; in one
 * stream a higher lane goes first. An event is resolved only when it is stored. At the bound low events make room, the
 * oldest first; medium and high ones are refused.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #streams = new Map<string, StreamOutbox>();
  readonly #stopListening: () => void;
  #events = 0;
  #chars = 0;
  #cancelExpiry: CancelTimer | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
    this.#stopListening = options.broker.onStateChange((state) => {
      if (state === 'ready') for (const stream of this.#streams.values()) stream.wake();
    });
  }

  /**
   * Resolves when the event is in its stream.
   * @throws PublisherError `outbox_full` or `broker_unavailable`; BrokerError for what will never work
   */
  put(event: OutboxEvent): Promise<PublishReceipt> {
    const chars = charsOf(event.entry);
    if (!this.#makeRoom(chars, event.lane)) return Promise.reject(full(event));
    return new Promise((resolve, reject) => {
      const sinceMs = this.#options.clock.monotonicMs();
      this.#events += 1;
      this.#chars += chars;
      this.#streamOf(event.entry.stream).put({
        ...event,
        chars,
        sinceMs,
        mayBeStored: false,
        resolve,
        reject,
      });
      this.#cancelExpiry ??= this.#startExpiry(this.#options.maxWaitMs);
    });
  }

  /** Ends its timers. What waits is refused. */
  close(): void {
    this.#stopListening();
    this.#cancelExpiry?.();
    for (const stream of this.#streams.values()) stream.close();
  }

  #streamOf(name: string): StreamOutbox {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = new StreamOutbox(this.#options, ({ chars }) => {
        this.#events -= 1;
        this.#chars -= chars;
      });
      this.#streams.set(name, stream);
    }
    return stream;
  }

  #makeRoom(chars: number, lane: Lane): boolean {
    const { maxEvents, maxChars } = this.#options;
    const isFull = (): boolean =>
      this.#events > 0 && (this.#events >= maxEvents || this.#chars + chars > maxChars);
    while (isFull()) {
      const dropped = [...this.#streams.values()].some((stream) => stream.dropOldestLow());
      if (!dropped) return false;
      // A low event takes the place of an older one, no more.
      if (lane === 'low' && isFull()) return false;
    }
    return true;
  }

  #startExpiry(delayMs: number): CancelTimer {
    return this.#options.clock.startTimer(() => {
      this.#cancelExpiry = undefined;
      const nowMs = this.#options.clock.monotonicMs();
      const { maxWaitMs } = this.#options;
      let oldestMs = Number.POSITIVE_INFINITY;
      for (const stream of this.#streams.values())
        oldestMs = Math.min(oldestMs, stream.expire(nowMs - maxWaitMs));
      if (oldestMs !== Number.POSITIVE_INFINITY)
        this.#cancelExpiry = this.#startExpiry(Math.max(1, oldestMs + maxWaitMs - nowMs));
    }, delayMs);
  }
}

/**
 * What waits for one stream. Idle → Scheduled (goes at the end of this turn, so that one loop makes one batch) →
 * InFlight → Scheduled, Idle, or Pausing after a failure → Scheduled.
 */
class StreamOutbox {
  readonly #options: OutboxOptions;
  readonly #onLeft: (waiting: Waiting) => void;
  readonly #lanes: Record<Lane, Waiting[]> = { high: [], medium: [], low: [] };
  #state: 'idle' | 'scheduled' | 'in_flight' | 'pausing' | 'closed' = 'idle';
  #failures = 0;
  #cancelPause: CancelTimer | undefined;

  /** @param onLeft told of every event that waits no longer, whatever became of it */
  constructor(options: OutboxOptions, onLeft: (waiting: Waiting) => void) {
    this.#options = options;
    this.#onLeft = onLeft;
  }

  put(waiting: Waiting): void {
    this.#lanes[waiting.lane].push(waiting);
    if (this.#state === 'closed') this.#refuseAll(this.#takeAll());
    else if (this.#state === 'idle') this.#schedule();
  }

  /** The broker is back: no reason to wait longer. */
  wake(): void {
    if (this.#state !== 'pausing') return;
    this.#cancelPause?.();
    this.#schedule();
  }

  dropOldestLow(): boolean {
    const waiting = this.#lanes.low.shift();
    if (waiting === undefined) return false;
    this.#settle(waiting, () =>
      waiting.reject(waiting.mayBeStored ? brokerUnavailable(waiting.eventId, true) : full(waiting)),
    );
    return true;
  }

  /** Refuses what has waited since `untilMs` or longer. Returns since when the oldest of the others waits. */
  expire(untilMs: number): number {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const lane of LANES) {
      const queue = this.#lanes[lane];
      const fresh = queue.filter(({ sinceMs }) => sinceMs > untilMs);
      const expired = fresh.length === queue.length ? [] : queue.filter(({ sinceMs }) => sinceMs <= untilMs);
      this.#lanes[lane] = fresh;
      this.#refuseAll(expired);
      for (const { sinceMs } of fresh) oldestMs = Math.min(oldestMs, sinceMs);
    }
    // What is on its way comes back, if it does, within the broker's own deadline: it is looked at again then.
    return this.#state === 'in_flight' && oldestMs === Number.POSITIVE_INFINITY
      ? untilMs + this.#options.maxWaitMs
      : oldestMs;
  }

  close(): void {
    this.#cancelPause?.();
    if (this.#state !== 'in_flight') this.#refuseAll(this.#takeAll());
    this.#state = 'closed';
  }

  #schedule(): void {
    this.#state = 'scheduled';
    queueMicrotask(() => void this.#send());
  }

  async #send(): Promise<void> {
    const batch = this.#takeBatch();
    if (batch.length === 0) {
      this.#state = 'idle';
      return;
    }
    this.#state = 'in_flight';
    const { broker } = this.#options;
    const results = await Promise.allSettled(batch.map(({ entry }) => broker.publish(entry)));
    const failed: Waiting[] = [];
    for (const [index, waiting] of batch.entries()) {
      const result = results[index];
      if (result?.status === 'fulfilled') this.#settle(waiting, () => waiting.resolve(result.value));
      else if (isWorthRepeating(result?.reason)) {
        waiting.mayBeStored ||= result.reason.mayHaveHappened;
        failed.push(waiting);
      } else this.#settle(waiting, () => waiting.reject(result?.reason as Error));
    }
    this.#goOn(failed);
  }

  /** What failed goes first again, so that nothing overtakes it. */
  #goOn(failed: readonly Waiting[]): void {
    const isClosed = (this.#state as string) === 'closed'; // closed meanwhile
    for (const lane of LANES) {
      const again = failed.filter((waiting) => waiting.lane === lane);
      if (again.length > 0) this.#lanes[lane] = [...again, ...this.#lanes[lane]];
    }
    if (isClosed) return this.#refuseAll(this.#takeAll());
    if (failed.length === 0) {
      this.#failures = 0;
      if (LANES.some((lane) => this.#lanes[lane].length > 0)) this.#schedule();
      else this.#state = 'idle';
      return;
    }
    const { clock, maxWaitMs } = this.#options;
    this.expire(clock.monotonicMs() - maxWaitMs);
    this.#state = 'pausing';
    const delayMs = backOffDelayMs(this.#failures, { maxMs: maxRetryDelayMs });
    this.#failures += 1;
    this.#cancelPause = clock.startTimer(() => this.#schedule(), delayMs);
  }

  #takeBatch(): Waiting[] {
    const maxEvents = this.#options.broker.options.publishBatchSize * batchesAtOnce;
    const batch: Waiting[] = [];
    for (const lane of LANES) {
      const queue = this.#lanes[lane];
      const count = Math.min(queue.length, maxEvents - batch.length);
      if (count === 0) continue;
      batch.push(...queue.slice(0, count));
      this.#lanes[lane] = count === queue.length ? [] : queue.slice(count);
    }
    return batch;
  }

  #takeAll(): Waiting[] {
    return LANES.flatMap((lane) => this.#lanes[lane].splice(0));
  }

  #refuseAll(refused: readonly Waiting[]): void {
    for (const waiting of refused)
      this.#settle(waiting, () => waiting.reject(brokerUnavailable(waiting.eventId, waiting.mayBeStored)));
  }

  #settle(waiting: Waiting, tell: () => void): void {
    this.#onLeft(waiting);
    tell();
  }
}

function isWorthRepeating(error: unknown): error is BrokerError {
  return error instanceof BrokerError && error.isTransient;
}

function charsOf({ fields }: OutgoingEntry): number {
  let chars = 0;
  for (const [name, value] of Object.entries(fields)) chars += name.length + value.length;
  return chars;
}

function full({ eventId }: OutboxEvent): PublisherError {
  return new PublisherError(
    'outbox_full',
    'Too many events wait for the event store; this one was not published. Publish it again later.',
    { eventId, retryAfterMs: RETRY_AFTER_MS, outcome: 'not_stored' },
  );
}
