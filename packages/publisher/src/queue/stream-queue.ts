// The publish queue of one stream. One batch is sent at a time. Events that arrive in the meantime form the next batch.
import { type Broker, BrokerError, type PublishReceipt } from '@millrace/broker';
import { LANES, type Lane } from '@millrace/contract';
import { backOffDelayMs, type CancelTimer, type Clock, toError } from '@millrace/internal';
import { brokerUnavailable, queueFull } from '../errors.js';
import { QueueLimit } from './queue-limit.js';
import type { QueuedEvent } from './queued-event.js';

/** Maximum number of characters in a batch, about a millisecond of work for Redis. A larger event is sent alone. */
const MAX_BATCH_CHARS = 262_144;
/** Maximum number of events in the first batch of a backlog. The maximum doubles if more events wait when a batch is stored. */
const FIRST_BATCH_EVENTS = 32;
/** The limit of waiting events is never below this many first batches, so that the store always has work. */
const MIN_WAITING_BATCHES = 4;
/**
 * Maximum pause between two attempts while the broker is unavailable. The queue retries earlier if the broker becomes ready.
 */
const MAX_RETRY_DELAY_MS = 1_000;

/** Dependencies of {@link StreamQueue}. */
interface StreamQueueDependencies {
  readonly broker: Pick<Broker, 'append' | 'options'>;
  readonly clock: Clock;
  /** See `PublishQueueDependencies`. */
  readonly maxWaitMs: number;
  /** See `ExpiryTimer.runningMs`. */
  runningMs(): number;
  /** Called for every event that no longer waits, whether it was stored or refused. */
  onRemoved(queued: QueuedEvent): void;
}

type StreamQueueState =
  /** No event waits. */
  | { readonly name: 'idle' }
  /** A batch is sent at the end of this turn, so that the events of one loop of the caller form one batch. */
  | { readonly name: 'scheduled' }
  /** A batch was sent, and its answer is awaited. */
  | { readonly name: 'sending' }
  /** An attempt failed, and its events wait for the next attempt. */
  | { readonly name: 'waiting_for_retry'; readonly cancelTimer: CancelTimer }
  /** Waiting events are refused, and so are the events of a batch that fails. */
  | { readonly name: 'closed' };

// The states without data are constants, so that a change of state allocates no memory.
const IDLE = { name: 'idle' } as const;
const SCHEDULED = { name: 'scheduled' } as const;
const SENDING = { name: 'sending' } as const;
const CLOSED = { name: 'closed' } as const;

/**
 * Transitions: idle → scheduled → sending. After a success: sending → idle, or sending → scheduled if more
 * events wait. After a failure: sending → waiting_for_retry → scheduled. Every state can change to closed,
 * which is final. Only `#enter` changes the state.
 */
export class StreamQueue {
  readonly #name: string;
  readonly #dependencies: StreamQueueDependencies;
  readonly #limit: QueueLimit;
  /** The waiting events of each lane, in the order of the calls. `PublishQueue` limits their number. */
  readonly #lanes: Record<Lane, QueuedEvent[]> = { high: [], medium: [], low: [] };
  #state: StreamQueueState = IDLE;
  /** Number of failed attempts in a row. */
  #failures = 0;
  /** The error of the last attempt, if it failed. It is the cause of the refusal of events that wait for too long. */
  #lastFailure: BrokerError | undefined;
  /**
   * Maximum number of events in the next batch. It grows while there is a backlog: a process with long event loop turns may
   * send only one batch per turn, so that batch must be large.
   */
  #maxBatchEvents = FIRST_BATCH_EVENTS;

  constructor(name: string, dependencies: StreamQueueDependencies) {
    this.#name = name;
    this.#dependencies = dependencies;
    const { publishBatchSize } = dependencies.broker.options;
    this.#limit = new QueueLimit(MIN_WAITING_BATCHES * Math.min(FIRST_BATCH_EVENTS, publishBatchSize));
  }

  /**
   * True if one more event of the lane may wait. Waiting events of lower lanes do not count, because they do not delay the
   * new event.
   */
  hasRoomFor(lane: Lane): boolean {
    const { maxWaiting } = this.#limit;
    if (maxWaiting === Number.POSITIVE_INFINITY) return true;
    let ahead = 0;
    for (const name of LANES) {
      ahead += this.#lanes[name].length;
      if (name === lane) break;
    }
    return ahead < maxWaiting;
  }

  /** Used share of the limit: 0 if the queue has no limit, and above 1 if more events wait than the limit allows. */
  get fill(): number {
    const waiting = LANES.reduce((sum, lane) => sum + this.#lanes[lane].length, 0);
    return waiting / this.#limit.maxWaiting;
  }

  put(queued: QueuedEvent): void {
    this.#lanes[queued.event.lane].push(queued);
    if (this.#state.name === 'idle') this.#enter(SCHEDULED);
    else if (this.#state.name === 'closed') this.#refuseAll(this.#takeAll());
  }

  /** Retries at once, because the broker is ready again. */
  retryNow(): void {
    if (this.#state.name === 'waiting_for_retry') this.#enter(SCHEDULED);
  }

  /** Refuses the oldest waiting event of the lane `low`. Returns false if there is none. */
  dropOldestLow(): boolean {
    const queued = this.#lanes.low.shift();
    if (queued === undefined) return false;
    const { eventId } = queued.event;
    this.#fail(
      queued,
      queued.mayBeStored ? brokerUnavailable(eventId, true, this.#lastFailure) : queueFull(eventId),
    );
    return true;
  }

  /** Refuses the events that were queued at `untilMs` or earlier. Returns the time when the oldest remaining event was queued. */
  expire(untilMs: number): number {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const lane of LANES) {
      const queue = this.#lanes[lane];
      // Each lane is in the order of arrival, so the events to refuse are the first ones.
      const firstFresh = queue.findIndex(({ queuedAtMs }) => queuedAtMs > untilMs);
      const count = firstFresh === -1 ? queue.length : firstFresh;
      if (count > 0) this.#refuseAll(queue.splice(0, count));
      oldestMs = Math.min(oldestMs, queue[0]?.queuedAtMs ?? oldestMs);
    }
    // The checks must continue while a batch is being sent. Its events return to the queue if it fails.
    return this.#state.name === 'sending' && oldestMs === Number.POSITIVE_INFINITY
      ? untilMs + this.#dependencies.maxWaitMs
      : oldestMs;
  }

  /** Refuses the waiting events. A batch that was sent still gets its answer. */
  close(): void {
    this.#enter(CLOSED);
    this.#refuseAll(this.#takeAll());
  }

  /** The only place where the state changes. */
  #enter(next: StreamQueueState): void {
    const current = this.#state;
    if (current.name === 'closed') return;
    if (current.name === 'waiting_for_retry') current.cancelTimer();
    this.#state = next;
    if (next.name === 'scheduled') queueMicrotask(() => void this.#send());
  }

  async #send(): Promise<void> {
    if (this.#state.name !== 'scheduled') return;
    const batch = this.#takeBatch();
    const [first] = batch;
    if (first === undefined) return this.#enter(IDLE);
    this.#enter(SENDING);
    const { broker, clock, runningMs } = this.#dependencies;
    // The waiting time of a batch is that of its first event, which belongs to the highest lane. Events of lower lanes may
    // have waited longer, because higher lanes are sent first.
    this.#limit.sending(runningMs() - first.queuedAtMs, clock.monotonicMs());
    let results: readonly (PublishReceipt | Error)[];
    try {
      results = await broker.append(
        this.#name,
        batch.map(({ event }) => event),
      );
    } catch (error) {
      const failure = toError(error);
      results = batch.map(() => failure);
    }
    const failed = this.#settle(batch, results);
    if (failed.length === 0) this.#onStored(batch.length);
    else this.#onFailed(failed);
  }

  /**
   * Reports the outcome of each event of a batch. Returns the events that must be sent again, in their order.
   */
  #settle(batch: readonly QueuedEvent[], results: readonly (PublishReceipt | Error)[]): QueuedEvent[] {
    const failed: QueuedEvent[] = [];
    for (const [index, queued] of batch.entries()) {
      const result = results[index] ?? new Error('The broker left an entry of the batch unanswered');
      if (!(result instanceof Error)) {
        this.#dependencies.onRemoved(queued);
        queued.event.stored(result);
      } else if (!queued.event.isTriedOnce && isWorthRepeating(result)) {
        queued.mayBeStored ||= result.mayHaveHappened;
        queued.event.isNew = false;
        this.#lastFailure = result;
        failed.push(queued);
      } else this.#fail(queued, result);
    }
    return failed;
  }

  #onStored(count: number): void {
    this.#limit.stored(count, this.#dependencies.clock.monotonicMs());
    this.#failures = 0;
    this.#lastFailure = undefined;
    if (LANES.some((lane) => this.#lanes[lane].length > 0)) {
      this.#maxBatchEvents *= 2;
      this.#enter(SCHEDULED);
    } else {
      this.#maxBatchEvents = FIRST_BATCH_EVENTS;
      this.#limit.reset();
      this.#enter(IDLE);
    }
  }

  /** Returns the events of a failed attempt to the front of the queue, so that no event overtakes them. */
  #onFailed(failed: readonly QueuedEvent[]): void {
    this.#limit.reset();
    for (const lane of LANES) this.#lanes[lane].unshift(...failed.filter(({ event }) => event.lane === lane));
    if (this.#state.name === 'closed') return this.#refuseAll(this.#takeAll());
    const { clock, maxWaitMs, runningMs } = this.#dependencies;
    this.expire(runningMs() - maxWaitMs);
    this.#maxBatchEvents = FIRST_BATCH_EVENTS;
    const delayMs = backOffDelayMs(this.#failures++, { maxMs: MAX_RETRY_DELAY_MS });
    const cancelTimer = clock.startTimer(() => this.#enter(SCHEDULED), delayMs);
    this.#enter({ name: 'waiting_for_retry', cancelTimer });
  }

  #takeBatch(): QueuedEvent[] {
    const { publishBatchSize } = this.#dependencies.broker.options;
    this.#maxBatchEvents = Math.min(this.#maxBatchEvents, publishBatchSize);
    const batch: QueuedEvent[] = [];
    let chars = 0;
    for (const lane of LANES) {
      const queue = this.#lanes[lane];
      let count = 0;
      for (const queued of queue) {
        chars += queued.chars;
        if (batch.length > 0 && (batch.length >= this.#maxBatchEvents || chars > MAX_BATCH_CHARS)) break;
        batch.push(queued);
        count += 1;
      }
      const isWhole = count === queue.length;
      if (isWhole) this.#lanes[lane] = [];
      else queue.splice(0, count);
      if (!isWhole) break;
    }
    return batch;
  }

  #takeAll(): QueuedEvent[] {
    return LANES.flatMap((lane) => this.#lanes[lane].splice(0));
  }

  #refuseAll(refused: readonly QueuedEvent[]): void {
    for (const queued of refused)
      this.#fail(queued, brokerUnavailable(queued.event.eventId, queued.mayBeStored, this.#lastFailure));
  }

  #fail(queued: QueuedEvent, error: Error): void {
    this.#dependencies.onRemoved(queued);
    queued.event.failed(error);
  }
}

function isWorthRepeating(error: Error): error is BrokerError {
  return error instanceof BrokerError && error.isTransient;
}
