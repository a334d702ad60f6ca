// The queue of one stream of an outbox. One batch is on its way; events that come meanwhile form the next one.

import { BrokerError, type PublishReceipt } from '@millrace/broker';
import { LANES, type Lane } from '@millrace/contract';
import { backOffDelayMs, type CancelTimer } from '@millrace/internal';
import { brokerUnavailable, outboxFull } from '../errors.js';
import { QueueLimit } from './queue-limit.js';
import type { OutboxOptions, Waiting } from './queued-event.js';

/** A batch is closed at this many characters, about a millisecond of Redis. One event goes in any case. */
const maxBatchChars = 262_144;
/** Most events of the first batch of a backlog. Each batch that is stored while more waits lets the next one be twice as large. */
const firstBatchEvents = 32;
/** So many first batches may wait however late they are: what keeps the store busy. */
const minWaitingBatches = 4;
/** Longest pause between two attempts while the broker is away; it also wakes the outbox when it is back. */
const maxRetryDelayMs = 1_000;

/** Dependencies of a stream's queue. */
interface StreamOutboxPorts {
  /** On the outbox's own time. */
  runningMs(): number;
  /** Called for every event that waits no longer, whatever became of it. */
  onLeft(waiting: Waiting): void;
}

/**
 * Idle → Scheduled (goes at the end of this turn, so that one loop makes one batch) →
 * InFlight → Scheduled, Idle, or Pausing after a failure → Scheduled.
 */
export class StreamOutbox {
  readonly #name: string;
  readonly #options: OutboxOptions;
  readonly #ports: StreamOutboxPorts;
  readonly #limit: QueueLimit;
  readonly #lanes: Record<Lane, Waiting[]> = { high: [], medium: [], low: [] };
  #state: 'idle' | 'scheduled' | 'in_flight' | 'pausing' | 'closed' = 'idle';
  #failures = 0;
  /** Grows with a backlog: where turns of this process are long, one batch a turn must be enough to catch up. */
  #maxBatchEvents = firstBatchEvents;
  #cancelPause: CancelTimer | undefined;

  constructor(name: string, options: OutboxOptions, ports: StreamOutboxPorts) {
    this.#name = name;
    this.#options = options;
    this.#ports = ports;
    this.#limit = new QueueLimit(
      minWaitingBatches * Math.min(firstBatchEvents, options.broker.options.publishBatchSize),
    );
  }

  /** True when one more event may wait. Only its own lane and higher ones count: events behind it do not hold it up. */
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

  put(waiting: Waiting): void {
    this.#lanes[waiting.event.lane].push(waiting);
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
    const { eventId } = waiting.event;
    this.#fail(waiting, waiting.mayBeStored ? brokerUnavailable(eventId, true) : outboxFull(eventId));
    return true;
  }

  /** Refuses what has waited since `untilMs` or longer. Returns since when the oldest of the others waits. */
  expire(untilMs: number): number {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const lane of LANES) {
      const queue = this.#lanes[lane];
      // The queue is in the order of arrival, so the events to refuse stand in front.
      const firstFresh = queue.findIndex(({ sinceMs }) => sinceMs > untilMs);
      const count = firstFresh === -1 ? queue.length : firstFresh;
      if (count > 0) this.#refuseAll(queue.splice(0, count));
      oldestMs = Math.min(oldestMs, queue[0]?.sinceMs ?? oldestMs);
    }
    // Events on their way come back, if they do, within the broker's own deadline, and are looked at again then.
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
    const [first] = batch;
    if (first === undefined) {
      this.#state = 'idle';
      return;
    }
    this.#state = 'in_flight';
    const { broker, clock } = this.#options;
    // The first of the highest lane: what waits behind others in a lower one says nothing about the stream.
    this.#limit.sending(this.#ports.runningMs() - first.sinceMs, clock.monotonicMs());
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
    const again = this.#settle(batch, results);
    if (again.length === 0) this.#limit.stored(batch.length, clock.monotonicMs());
    else this.#limit.reset();
    this.#goOn(again);
  }

  /** Tells the events of a batch what became of them. Those that are worth another attempt are returned, in their order. */
  #settle(batch: readonly Waiting[], results: readonly (PublishReceipt | Error)[]): Waiting[] {
    const again: Waiting[] = [];
    for (const [index, waiting] of batch.entries()) {
      const result = results[index] ?? new Error('The broker left an entry of the batch unanswered');
      if (!(result instanceof Error)) {
        this.#ports.onLeft(waiting);
        waiting.event.stored(result);
      } else if (!waiting.event.isTriedOnce && isWorthRepeating(result)) {
        waiting.mayBeStored ||= result.mayHaveHappened;
        again.push(waiting);
      } else this.#fail(waiting, result);
    }
    return again;
  }

  /** Puts events that failed in front again, so that nothing overtakes them. */
  #goOn(failed: readonly Waiting[]): void {
    const isClosed = (this.#state as string) === 'closed'; // closed meanwhile
    if (failed.length > 0) {
      for (const lane of LANES)
        this.#lanes[lane].unshift(...failed.filter(({ event }) => event.lane === lane));
    }
    if (isClosed) return this.#refuseAll(this.#takeAll());
    if (failed.length === 0) {
      this.#failures = 0;
      if (LANES.some((lane) => this.#lanes[lane].length > 0)) {
        this.#maxBatchEvents *= 2;
        return this.#schedule();
      }
      this.#maxBatchEvents = firstBatchEvents;
      this.#state = 'idle';
      return this.#limit.reset();
    }
    const { clock, maxWaitMs } = this.#options;
    this.expire(this.#ports.runningMs() - maxWaitMs);
    this.#state = 'pausing';
    this.#maxBatchEvents = firstBatchEvents;
    const delayMs = backOffDelayMs(this.#failures, { maxMs: maxRetryDelayMs });
    this.#failures += 1;
    this.#cancelPause = clock.startTimer(() => this.#schedule(), delayMs);
  }

  #takeBatch(): Waiting[] {
    this.#maxBatchEvents = Math.min(this.#maxBatchEvents, this.#options.broker.options.publishBatchSize);
    const batch: Waiting[] = [];
    let chars = 0;
    for (const lane of LANES) {
      const queue = this.#lanes[lane];
      let count = 0;
      for (const waiting of queue) {
        chars += waiting.chars;
        if (batch.length > 0 && (batch.length >= this.#maxBatchEvents || chars > maxBatchChars)) break;
        batch.push(waiting);
        count += 1;
      }
      const isWhole = count === queue.length;
      if (isWhole) this.#lanes[lane] = [];
      else queue.splice(0, count);
      if (!isWhole) break;
    }
    return batch;
  }

  #takeAll(): Waiting[] {
    return LANES.flatMap((lane) => this.#lanes[lane].splice(0));
  }

  #refuseAll(refused: readonly Waiting[]): void {
    for (const waiting of refused)
      this.#fail(waiting, brokerUnavailable(waiting.event.eventId, waiting.mayBeStored));
  }

  #fail(waiting: Waiting, error: Error): void {
    this.#ports.onLeft(waiting);
    waiting.event.failed(error);
  }
}

function isWorthRepeating(error: Error): error is BrokerError {
  return error instanceof BrokerError && error.isTransient;
}
