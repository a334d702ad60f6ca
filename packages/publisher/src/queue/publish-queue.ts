// The queue between a publisher and the broker, divided by stream and lane. It sends events in batches. While the broker is
// unavailable, it retries each batch with the same IDs. It refuses events when it is full, or when the broker does not
// recover in time.
import type { Broker, OutgoingEntry } from '@millrace/broker';
import type { Lane } from '@millrace/contract';
import type { Clock } from '@millrace/internal';
import { queueFull } from '../errors.js';
import { ExpiryTimer } from './expiry-timer.js';
import type { OutgoingEvent, QueuedEvent, SettlementGroup } from './queued-event.js';
import { StreamQueue } from './stream-queue.js';

/** Dependencies and limits of {@link PublishQueue}. */
export interface PublishQueueDependencies {
  readonly broker: Pick<Broker, 'append' | 'options' | 'onStateChange'>;
  readonly clock: Clock;
  readonly maxEvents: number;
  /** Maximum number of characters in the fields of all waiting events. */
  readonly maxChars: number;
  /** Time after which a waiting event is refused, unless it is being sent at that moment. See {@link ExpiryTimer}. */
  readonly maxWaitMs: number;
}

/**
 * Guarantees:
 *
 * - Events of one stream and lane are stored in the order in which they were added, even after failures. In one stream,
 *   events of a higher lane are sent first.
 * - An event is reported as stored only if it is stored.
 * - In a full queue, a new event replaces the oldest waiting event of the lane `low`. It is refused if no such event waits.
 * - Excess events are refused at once if events for a stream arrive faster than they are stored. Events of the lane `low` are
 *   refused first, and events of the lane `high` last. See `QueueLimit`.
 */
export class PublishQueue {
  readonly #dependencies: PublishQueueDependencies;
  /** The queue of each stream or partition, by its name. */
  readonly #streams = new Map<string, StreamQueue>();
  readonly #expiry: ExpiryTimer;
  readonly #stopListening: () => void;
  #events = 0;
  #chars = 0;
  #group: SettlementGroup = { pendingCount: 0, onSettled: undefined };
  /**
   * A promise for each earlier group that is not settled. A group contains at least one event, so `maxEvents` limits the
   * number of groups.
   */
  readonly #settling = new Set<Promise<void>>();

  constructor(dependencies: PublishQueueDependencies) {
    const { broker, clock, maxWaitMs } = dependencies;
    this.#dependencies = dependencies;
    this.#expiry = new ExpiryTimer({ clock, maxWaitMs, expire: (untilMs) => this.#expire(untilMs) });
    this.#stopListening = broker.onStateChange((state) => {
      if (state === 'ready') for (const stream of this.#streams.values()) stream.retryNow();
    });
  }

  /**
   * Accepts or refuses an event. The event's callbacks receive the outcome, after `put` has returned. Only a closed queue
   * calls them before.
   */
  put(event: OutgoingEvent): void {
    const chars = charsOf(event);
    const stream = this.#streamOf(event.stream);
    if (!stream.hasRoomFor(event.lane) || !this.#makeRoom(chars, event.lane)) return refuse(event);
    this.#events += 1;
    this.#chars += chars;
    this.#group.pendingCount += 1;
    const queuedAtMs = this.#expiry.runningMs();
    stream.put({ event, chars, queuedAtMs, mayBeStored: false, group: this.#group });
    this.#expiry.start();
  }

  /** Resolves when all events that have been added so far are stored or refused. */
  async settled(): Promise<void> {
    const group = this.#group;
    if (group.pendingCount > 0) {
      this.#group = { pendingCount: 0, onSettled: undefined };
      const settled = new Promise<void>((resolve) => {
        group.onSettled = resolve;
      }).finally(() => this.#settling.delete(settled));
      this.#settling.add(settled);
    }
    await Promise.all(this.#settling);
  }

  /** Fill level of the queue, from 0 (empty) to 1 (events are refused). With several limits, the highest fill level counts. */
  get fill(): number {
    const { maxEvents, maxChars } = this.#dependencies;
    const shares = Array.from(this.#streams.values(), (stream) => stream.fill);
    return Math.min(1, Math.max(this.#events / maxEvents, this.#chars / maxChars, ...shares));
  }

  /** Cancels all timers and refuses the waiting events. */
  close(): void {
    this.#stopListening();
    this.#expiry.close();
    for (const stream of this.#streams.values()) stream.close();
  }

  #streamOf(name: string): StreamQueue {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = new StreamQueue(name, {
        ...this.#dependencies,
        runningMs: () => this.#expiry.runningMs(),
        onRemoved: (queued) => this.#onRemoved(queued),
      });
      this.#streams.set(name, stream);
    }
    return stream;
  }

  #onRemoved({ chars, group }: QueuedEvent): void {
    this.#events -= 1;
    this.#chars -= chars;
    group.pendingCount -= 1;
    if (group.pendingCount === 0) group.onSettled?.();
  }

  #makeRoom(chars: number, lane: Lane): boolean {
    const { maxEvents, maxChars } = this.#dependencies;
    const isFull = (): boolean =>
      this.#events > 0 && (this.#events >= maxEvents || this.#chars + chars > maxChars);
    while (isFull()) {
      const isDropped = [...this.#streams.values()].some((stream) => stream.dropOldestLow());
      if (!isDropped) return false;
      // A new event of the lane `low` replaces only one older event of this lane.
      if (lane === 'low' && isFull()) return false;
    }
    return true;
  }

  #expire(untilMs: number): number {
    let oldestMs = Number.POSITIVE_INFINITY;
    for (const stream of this.#streams.values()) oldestMs = Math.min(oldestMs, stream.expire(untilMs));
    return oldestMs;
  }
}

/**
 * Rejects the event in a later turn of the event loop. A caller that retries at once could otherwise keep this process from
 * reading replies, which make room in the queue.
 */
function refuse(event: OutgoingEvent): void {
  setImmediate(() => event.failed(queueFull(event.eventId)));
}

function charsOf({ fields }: OutgoingEntry): number {
  let chars = 0;
  for (const name in fields) chars += name.length + (fields[name] ?? '').length;
  return chars;
}
