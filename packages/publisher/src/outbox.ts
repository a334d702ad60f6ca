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
import { QueueLimit } from './queue-limit.js';

/** Bounds of an outbox. */
export interface OutboxOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly maxEvents: number;
  /** Characters of all fields that wait. */
  readonly maxChars: number;
  /**
   * An event that has waited this long is refused, unless it is on its way at that moment. Time in which this process did not run is
   * not counted.
   */
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
  /** On the outbox's own time; see `Outbox`. */
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
/** While something waits it is looked at so often in each `maxWaitMs`: that late a stall of this process is noticed. */
const looksPerWait = 4;
/** Shortest time between two looks, so that a queue of which something expires all the time is not walked all the time. */
const minLookMs = 10;

/**
 * Guarantees: events of one stream and lane are stored in the order in which they were put in, also over failures; in one
 * stream a higher lane goes first. An event is resolved only when it is stored. At the bound low events make room, the
 * oldest first; medium and high ones are refused. Where a stream is offered more than it takes, what is too much is refused at
 * once, low before medium before high; see `QueueLimit`.
 *
 * Waiting is measured on a time of its own, which leaves out what this process slept: after a stall its timers fire before it has
 * read a reply or sent anything, and would refuse all that waited.
 */
export class Outbox {
  readonly #options: OutboxOptions;
  readonly #streams = new Map<string, StreamOutbox>();
  readonly #stopListening: () => void;
  #events = 0;
  #chars = 0;
  /** How long this process is known to have slept while something waited. */
  #stalledMs = 0;
  #cancelLook: CancelTimer | undefined;
  /** When the next look is due, on `clock`. */
  #lookDueMs = Number.POSITIVE_INFINITY;

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
    const stream = this.#streamOf(event.entry.stream);
    if (!stream.hasRoomFor(event.lane) || !this.#makeRoom(chars, event.lane)) return refuse(full(event));
    return new Promise((resolve, reject) => {
      this.#events += 1;
      this.#chars += chars;
      stream.put({ ...event, chars, sinceMs: this.#nowMs(), mayBeStored: false, resolve, reject });
      this.#cancelLook ??= this.#startLook(this.#options.maxWaitMs / looksPerWait);
    });
  }

  /** How full it is, by the bound that is nearest: 0 empty, 1 refuses. */
  get fill(): number {
    const { maxEvents, maxChars } = this.#options;
    const shares = Array.from(this.#streams.values(), (stream) => stream.fill);
    return Math.min(1, Math.max(this.#events / maxEvents, this.#chars / maxChars, ...shares));
  }

  /** Ends its timers. What waits is refused. */
  close(): void {
    this.#stopListening();
    this.#cancelLook?.();
    for (const stream of this.#streams.values()) stream.close();
  }

  #streamOf(name: string): StreamOutbox {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = new StreamOutbox(this.#options, {
        nowMs: () => this.#nowMs(),
        onLeft: ({ chars }) => {
          this.#events -= 1;
          this.#chars -= chars;
        },
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

  /** Stands still from when a look is due until it is taken: whichever of timers and sockets this process wakes up to. */
  #nowMs(): number {
    return Math.min(this.#options.clock.monotonicMs(), this.#lookDueMs) - this.#stalledMs;
  }

  #startLook(delayMs: number): CancelTimer {
    const { clock, maxWaitMs } = this.#options;
    this.#lookDueMs = clock.monotonicMs() + delayMs;
    return clock.startTimer(() => {
      this.#cancelLook = undefined;
      this.#stalledMs += Math.max(0, clock.monotonicMs() - this.#lookDueMs);
      this.#lookDueMs = Number.POSITIVE_INFINITY;
      const nowMs = this.#nowMs();
      let oldestMs = Number.POSITIVE_INFINITY;
      for (const stream of this.#streams.values())
        oldestMs = Math.min(oldestMs, stream.expire(nowMs - maxWaitMs));
      if (oldestMs === Number.POSITIVE_INFINITY) return;
      const untilDueMs = Math.max(minLookMs, oldestMs + maxWaitMs - nowMs);
      this.#cancelLook = this.#startLook(Math.min(untilDueMs, maxWaitMs / looksPerWait));
    }, delayMs);
  }
}

/** Dependencies of a stream's queue. */
interface StreamOutboxPorts {
  /** On the outbox's own time. */
  nowMs(): number;
  /** Called for every event that waits no longer, whatever became of it. */
  onLeft(waiting: Waiting): void;
}

/**
 * What waits for one stream. Idle → Scheduled (goes at the end of this turn, so that one loop makes one batch) →
 * InFlight → Scheduled, Idle, or Pausing after a failure → Scheduled.
 */
class StreamOutbox {
  readonly #options: OutboxOptions;
  readonly #ports: StreamOutboxPorts;
  readonly #maxBatchEvents: number;
  readonly #limit: QueueLimit;
  readonly #lanes: Record<Lane, Waiting[]> = { high: [], medium: [], low: [] };
  #state: 'idle' | 'scheduled' | 'in_flight' | 'pausing' | 'closed' = 'idle';
  #failures = 0;
  #cancelPause: CancelTimer | undefined;

  constructor(options: OutboxOptions, ports: StreamOutboxPorts) {
    this.#options = options;
    this.#ports = ports;
    this.#maxBatchEvents = options.broker.options.publishBatchSize * batchesAtOnce;
    this.#limit = new QueueLimit(this.#maxBatchEvents);
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

  /** How much of what may wait now does; 0 where nothing limits it. */
  get fill(): number {
    const waiting = LANES.reduce((sum, lane) => sum + this.#lanes[lane].length, 0);
    return waiting / this.#limit.maxWaiting;
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
      // In the order of their coming: what came later has not waited longer.
      const firstFresh = queue.findIndex(({ sinceMs }) => sinceMs > untilMs);
      const count = firstFresh === -1 ? queue.length : firstFresh;
      if (count > 0) this.#refuseAll(queue.splice(0, count));
      oldestMs = Math.min(oldestMs, queue[0]?.sinceMs ?? oldestMs);
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
    const { broker, clock } = this.#options;
    // The first of the highest lane: what waits behind others in a lower one says nothing about the stream.
    this.#limit.sending(this.#ports.nowMs() - (batch[0]?.sinceMs ?? 0), clock.monotonicMs());
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
    if (failed.length === 0) this.#limit.stored(batch.length, clock.monotonicMs());
    else this.#limit.reset();
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
      if (LANES.some((lane) => this.#lanes[lane].length > 0)) return this.#schedule();
      this.#state = 'idle';
      return this.#limit.reset();
    }
    const { clock, maxWaitMs } = this.#options;
    this.expire(this.#ports.nowMs() - maxWaitMs);
    this.#state = 'pausing';
    const delayMs = backOffDelayMs(this.#failures, { maxMs: maxRetryDelayMs });
    this.#failures += 1;
    this.#cancelPause = clock.startTimer(() => this.#schedule(), delayMs);
  }

  #takeBatch(): Waiting[] {
    const batch: Waiting[] = [];
    for (const lane of LANES) {
      const queue = this.#lanes[lane];
      const count = Math.min(queue.length, this.#maxBatchEvents - batch.length);
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
    this.#ports.onLeft(waiting);
    tell();
  }
}

function isWorthRepeating(error: unknown): error is BrokerError {
  return error instanceof BrokerError && error.isTransient;
}

/** In another turn: a caller that tries again at once must not keep this process from reading the replies that make room. */
function refuse(error: PublisherError): Promise<never> {
  return new Promise((_resolve, reject) => {
    setImmediate(reject, error);
  });
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
