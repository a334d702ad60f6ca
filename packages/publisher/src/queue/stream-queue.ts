// The publish queue of one stream. One batch is sent at a time; the events that are put in meanwhile form the next one.
import { type Broker, BrokerError, type PublishReceipt } from '@millrace/broker';
import { LANES, type Lane } from '@millrace/contract';
import { backOffDelayMs, type CancelTimer, type Clock } from '@millrace/internal';
import { brokerUnavailable, queueFull } from '../errors.js';
import { QueueLimit } from './queue-limit.js';
import type { QueuedEvent } from './queued-event.js';

/** A batch ends at this many characters, about a millisecond of Redis. One event is sent in any case. */
const MAX_BATCH_CHARS = 262_144;
/** Most events of the first batch of a backlog. Each batch that is stored while more waits doubles the bound of the next one. */
const FIRST_BATCH_EVENTS = 32;
/** So many first batches may wait however late they are: they keep the store busy. */
const MIN_WAITING_BATCHES = 4;
/** Longest pause between two attempts while the broker is away. The queue also retries as soon as the broker is back. */
const MAX_RETRY_DELAY_MS = 1_000;

/** Dependencies of {@link StreamQueue}. */
interface StreamQueueDependencies {
  readonly broker: Pick<Broker, 'append' | 'options'>;
  readonly clock: Clock;
  /** See `PublishQueueDependencies`. */
  readonly maxWaitMs: number;
  /** See `ExpiryTimer.runningMs`. */
  runningMs(): number;
  /** Called for every event that waits no longer, whether it was stored or refused. */
  onRemoved(queued: QueuedEvent): void;
}

type StreamQueueState =
  /** Nothing waits. */
  | { readonly name: 'idle' }
  /** A batch is sent at the end of this turn, so that one loop of the caller makes one batch. */
  | { readonly name: 'scheduled' }
  /** A batch was sent, and its answer is awaited. */
  | { readonly name: 'sending' }
  /** An attempt failed, and its events wait for the next one. */
  | { readonly name: 'waiting_for_retry'; readonly cancelTimer: CancelTimer }
  /** Events are refused: those that wait, and those of a batch that fails. */
  | { readonly name: 'closed' };

// The states without data, so that a change of state allocates nothing.
const IDLE = { name: 'idle' } as const;
const SCHEDULED = { name: 'scheduled' } as const;
const SENDING = { name: 'sending' } as const;
const CLOSED = { name: 'closed' } as const;

/**
 * idle → scheduled → sending → idle, scheduled when more waits, or waiting_for_retry after a failure → scheduled.
 * Each of them → closed, which is final. Only `#enter` changes the state.
 */
export class StreamQueue {
  readonly #name: string;
  readonly #dependencies: StreamQueueDependencies;
  readonly #limit: QueueLimit;
  /** In the order of the calls. Bounded by `PublishQueue`. */
  readonly #lanes: Record<Lane, QueuedEvent[]> = { high: [], medium: [], low: [] };
  #state: StreamQueueState = IDLE;
  /** Failed attempts in a row. */
  #failures = 0;
  /** Grows with a backlog: where turns of this process are long, one batch a turn must be enough to catch up. */
  #maxBatchEvents = FIRST_BATCH_EVENTS;

  constructor(name: string, dependencies: StreamQueueDependencies) {
    this.#name = name;
    this.#dependencies = dependencies;
    const { publishBatchSize } = dependencies.broker.options;
    this.#limit = new QueueLimit(MIN_WAITING_BATCHES * Math.min(FIRST_BATCH_EVENTS, publishBatchSize));
  }

  /** True when one more event may wait. Only its own lane and higher ones count: events behind it do not delay it. */
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

  /** Share of the limit that is used, 0 to 1 and more; 0 where nothing limits the queue. */
  get fill(): number {
    const waiting = LANES.reduce((sum, lane) => sum + this.#lanes[lane].length, 0);
    return waiting / this.#limit.maxWaiting;
  }

  put(queued: QueuedEvent): void {
    this.#lanes[queued.event.lane].push(queued);
    if (this.#state.name === 'idle') this.#enter(SCHEDULED);
    else if (this.#state.name === 'closed') this.#refuseAll(this.#takeAll());
  }

  /** The broker is back: there is no reason to wait longer. */
  retryNow(): void {
    if (this.#state.name === 'waiting_for_retry') this.#enter(SCHEDULED);
  }

  /** Refuses the oldest low event. False: there is none. */
  dropOldestLow(): boolean {
    const queued = this.#lanes.low.shift();
    if (queued === undefined) return false;
    const { eventId } = queued.event;
    this.#fail(queued, queued.mayBeStored ? brokerUnavailable(eventId, true) : queueFull(eventId));
    return true;
  }

  /** Refuses the events that have waited since `untilMs` or longer. Returns since when the oldest of the others has waited. */
  expire(untilMs: number): number {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const lane of LANES) {
      const queue = this.#lanes[lane];
      // The queue is in the order of arrival, so the events to refuse are at its front.
      const firstFresh = queue.findIndex(({ queuedAtMs }) => queuedAtMs > untilMs);
      const count = firstFresh === -1 ? queue.length : firstFresh;
      if (count > 0) this.#refuseAll(queue.splice(0, count));
      oldestMs = Math.min(oldestMs, queue[0]?.queuedAtMs ?? oldestMs);
    }
    // Events of a batch that fails come back within the broker's own deadline, and are checked again then.
    return this.#state.name === 'sending' && oldestMs === Number.POSITIVE_INFINITY
      ? untilMs + this.#dependencies.maxWaitMs
      : oldestMs;
  }

  /** Refuses the events that wait. A batch that was sent still gets its answer. */
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
    // The first of the highest lane: the wait of events behind others in a lower lane says nothing about the stream.
    this.#limit.sending(runningMs() - first.queuedAtMs, clock.monotonicMs());
    let results: readonly (PublishReceipt | Error)[];
    try {
      results = await broker.append(
        this.#name,
        batch.map(({ event }) => event),
      );
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      results = batch.map(() => failure);
    }
    const failed = this.#settle(batch, results);
    if (failed.length === 0) this.#onStored(batch.length);
    else this.#onFailed(failed);
  }

  /** Reports the outcome of each event of a batch. Returns those that are worth another attempt, in their order. */
  #settle(batch: readonly QueuedEvent[], results: readonly (PublishReceipt | Error)[]): QueuedEvent[] {
    const failed: QueuedEvent[] = [];
    for (const [index, queued] of batch.entries()) {
      const result = results[index] ?? new Error('The broker left an entry of the batch unanswered');
      if (!(result instanceof Error)) {
        this.#dependencies.onRemoved(queued);
        queued.event.stored(result);
      } else if (!queued.event.isTriedOnce && isWorthRepeating(result)) {
        queued.mayBeStored ||= result.mayHaveHappened;
        failed.push(queued);
      } else this.#fail(queued, result);
    }
    return failed;
  }

  #onStored(count: number): void {
    this.#limit.stored(count, this.#dependencies.clock.monotonicMs());
    this.#failures = 0;
    if (LANES.some((lane) => this.#lanes[lane].length > 0)) {
      this.#maxBatchEvents *= 2;
      this.#enter(SCHEDULED);
    } else {
      this.#maxBatchEvents = FIRST_BATCH_EVENTS;
      this.#limit.reset();
      this.#enter(IDLE);
    }
  }

  /** Puts the events of an attempt that failed back to the front, so that none overtakes them. */
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
      this.#fail(queued, brokerUnavailable(queued.event.eventId, queued.mayBeStored));
  }

  #fail(queued: QueuedEvent, error: Error): void {
    this.#dependencies.onRemoved(queued);
    queued.event.failed(error);
  }
}

function isWorthRepeating(error: Error): error is BrokerError {
  return error instanceof BrokerError && error.isTransient;
}
