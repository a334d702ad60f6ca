// Waits until this gateway has read as far as a client that comes from another gateway. Such a client may have received later
// events. The wait needs no requests to the broker, because reading and the regular heartbeats report the progress.
import { compareEntryIds, type EntryId, type StreamPosition } from '@millrace/broker';
import type { CancelTimer, Clock } from '@millrace/internal';
import { type KnownStream, type PositionStatus, positionStatusOf } from './position-status.js';

/** A client's position in one stream. */
export interface ClientStreamPosition {
  readonly stream: string;
  readonly position: StreamPosition;
  /** True if the client's position does not name the stream. The client must then be sent all events that the stream has. */
  readonly isFromStart?: boolean;
}

/**
 * The outcome of a wait. `unknown`: this gateway did not read far enough in time, or no heartbeat arrived in time. For the other
 * outcomes see {@link PositionStatus}.
 */
export type WaitOutcome = 'reached' | 'lost' | 'unknown';

/** Dependencies of {@link PositionWaiter}. */
export interface PositionWaiterDependencies {
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  readonly maxWaitMs: number;
  /** Returns how far this gateway has read the stream, or `undefined` for a stream that this gateway does not have. */
  currentOf(stream: string): KnownStream | undefined;
}

interface Waiter {
  readonly positions: readonly ClientStreamPosition[];
  readonly sinceMs: number;
  readonly resolve: (outcome: WaitOutcome) => void;
  readonly cancelDeadline: CancelTimer;
}

/**
 * The waiters of one stream, and the lowest cursor for which any of them waits. Reading entries before that cursor ends no
 * wait.
 */
interface WaitQueue {
  readonly waiters: Set<Waiter>;
  lowest: EntryId;
}

/**
 * The joins that wait. Each connection waits for one join at a time, so the connections bound their number. A join waits for
 * at most `maxWaitMs`.
 */
export class PositionWaiter {
  readonly #dependencies: PositionWaiterDependencies;
  /** The queues by stream. A waiter is in the queue of the first stream for which it waits. */
  readonly #queues = new Map<string, WaitQueue>();

  constructor(dependencies: PositionWaiterDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Waits until this gateway has reached these positions. Most clients need not wait. The result is then no promise, so that
   * the caller can continue in the same turn of the event loop.
   */
  waitFor(positions: readonly ClientStreamPosition[]): WaitOutcome | Promise<WaitOutcome> {
    const sinceMs = this.#dependencies.clock.monotonicMs();
    const { status, stream, position } = this.#check(positions, sinceMs);
    if (status === 'reached' || status === 'lost') return status;
    return new Promise((resolve) => {
      const { clock, maxWaitMs } = this.#dependencies;
      const cancelDeadline = clock.startTimer(() => this.#giveUp(waiter), maxWaitMs);
      const waiter: Waiter = { positions, sinceMs, resolve, cancelDeadline };
      this.#enqueue(waiter, stream, position.cursor);
    });
  }

  /** Called when new entries of these streams were read. */
  onAdvance(streams: Iterable<string>): void {
    if (this.#queues.size === 0) return;
    for (const stream of streams) {
      const queue = this.#queues.get(stream);
      const current = this.#dependencies.currentOf(stream);
      if (queue === undefined || current === undefined) continue;
      if (compareEntryIds(queue.lowest, current.cursor) <= 0) this.#checkAgain(stream, queue);
    }
  }

  /** Called when a heartbeat has reported the state of the stream. */
  onHeartbeat(stream: string): void {
    const queue = this.#queues.get(stream);
    if (queue !== undefined) this.#checkAgain(stream, queue);
  }

  /** Number of joins that wait now. */
  get size(): number {
    return [...this.#queues.values()].reduce((sum, { waiters }) => sum + waiters.size, 0);
  }

  #checkAgain(stream: string, { waiters }: WaitQueue): void {
    this.#queues.delete(stream);
    for (const waiter of waiters) {
      const checked = this.#check(waiter.positions, waiter.sinceMs);
      if (checked.status === 'reached' || checked.status === 'lost') this.#end(waiter, checked.status);
      else this.#enqueue(waiter, checked.stream, checked.position.cursor);
    }
  }

  #enqueue(waiter: Waiter, stream: string, cursor: EntryId): void {
    const queue = this.#queues.get(stream) ?? { waiters: new Set(), lowest: cursor };
    this.#queues.set(stream, queue);
    queue.waiters.add(waiter);
    if (compareEntryIds(cursor, queue.lowest) < 0) queue.lowest = cursor;
  }

  /** Ends a wait that took too long. A position that is still unproven counts as lost. */
  #giveUp(waiter: Waiter): void {
    for (const [stream, queue] of this.#queues) {
      if (queue.waiters.delete(waiter) && queue.waiters.size === 0) this.#queues.delete(stream);
    }
    const { status } = this.#check(waiter.positions, waiter.sinceMs);
    this.#end(waiter, status === 'unproven' ? 'lost' : status === 'unread' ? 'unknown' : status);
  }

  #end({ resolve, cancelDeadline }: Waiter, outcome: WaitOutcome): void {
    cancelDeadline();
    resolve(outcome);
  }

  /** Returns the first position that is lost, otherwise the first that is not reached, otherwise one that is reached. */
  #check(positions: readonly ClientStreamPosition[], sinceMs: number): CheckedPosition {
    let waiting: CheckedPosition | undefined;
    for (const { stream, position } of positions) {
      const current = this.#dependencies.currentOf(stream);
      const status = current === undefined ? 'lost' : positionStatusOf(position, current, sinceMs);
      if (status === 'lost') return { status, stream, position };
      if (status !== 'reached') waiting ??= { status, stream, position };
    }
    const [first] = positions;
    return (
      waiting ?? { status: 'reached', stream: first?.stream ?? '', position: first?.position ?? nowhere }
    );
  }
}

interface CheckedPosition extends ClientStreamPosition {
  readonly status: PositionStatus;
}

const nowhere: StreamPosition = { epoch: '', cursor: '0-0' };
