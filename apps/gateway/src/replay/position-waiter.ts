// Waits until this gateway has read as far as a client that comes from another gateway. The broker is asked nothing for it: the
// tail's progress and the heartbeats, which come anyway, say everything.

import { compareEntryIds, type EntryId, type StreamPosition } from '@millrace/broker';
import type { CancelTimer, Clock } from '@millrace/internal';
import { type KnownStream, type Standing, standingOf } from './position-status.js';

/** A client's place in one stream. */
export interface StreamPlaceOfClient {
  readonly stream: string;
  readonly place: StreamPosition;
  /** The client's position does not name the stream: it is owed everything that is stored of it, wherever that begins. */
  readonly isFromStart?: boolean;
}

/** `unknown`: it took too long, or the broker was not heard meanwhile. */
export type Reached = 'reached' | 'lost' | 'unknown';

/** Dependencies of {@link ReachedPositions}. */
export interface ReachedPositionsPorts {
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  readonly maxWaitMs: number;
  /** How far this gateway has read the stream; `undefined` for one that it does not know. */
  currentOf(stream: string): KnownStream | undefined;
}

interface Waiter {
  readonly places: readonly StreamPlaceOfClient[];
  readonly sinceMs: number;
  readonly resolve: (reached: Reached) => void;
  readonly cancelDeadline: CancelTimer;
}

/** Those who wait for one stream, and the lowest place that one of them waits for: below it nobody has to be looked at. */
interface Queue {
  readonly waiters: Set<Waiter>;
  lowest: EntryId;
}

/** One object per gateway. Waiters are bounded by the connections: each waits for one join at a time, `maxWaitMs` at most. */
export class ReachedPositions {
  readonly #ports: ReachedPositionsPorts;
  /** By the stream whose place is waited for first. */
  readonly #queues = new Map<string, Queue>();

  constructor(ports: ReachedPositionsPorts) {
    this.#ports = ports;
  }

  /** Most clients do not wait: then the answer is no promise, and nothing gets between it and what follows. */
  reach(places: readonly StreamPlaceOfClient[]): Reached | Promise<Reached> {
    const sinceMs = this.#ports.clock.monotonicMs();
    const { standing, stream, place } = this.#judge(places, sinceMs);
    if (standing === 'reached' || standing === 'lost') return standing;
    return new Promise((resolve) => {
      const cancelDeadline = this.#ports.clock.startTimer(() => this.#giveUp(waiter), this.#ports.maxWaitMs);
      const waiter: Waiter = { places, sinceMs, resolve, cancelDeadline };
      this.#enqueue(waiter, stream, place.cursor);
    });
  }

  /** These streams were read further. */
  advanced(streams: Iterable<string>): void {
    if (this.#queues.size === 0) return;
    for (const stream of streams) {
      const queue = this.#queues.get(stream);
      const current = this.#ports.currentOf(stream);
      if (queue === undefined || current === undefined) continue;
      if (compareEntryIds(queue.lowest, current.cursor) <= 0) this.#lookAgain(stream, queue);
    }
  }

  /** The broker has told how the stream stands. */
  heard(stream: string): void {
    const queue = this.#queues.get(stream);
    if (queue !== undefined) this.#lookAgain(stream, queue);
  }

  /** Number of joins that wait now. */
  get size(): number {
    return [...this.#queues.values()].reduce((sum, { waiters }) => sum + waiters.size, 0);
  }

  #lookAgain(stream: string, { waiters }: Queue): void {
    this.#queues.delete(stream);
    for (const waiter of waiters) {
      const judged = this.#judge(waiter.places, waiter.sinceMs);
      if (judged.standing === 'reached' || judged.standing === 'lost') this.#end(waiter, judged.standing);
      else this.#enqueue(waiter, judged.stream, judged.place.cursor);
    }
  }

  #enqueue(waiter: Waiter, stream: string, cursor: EntryId): void {
    const queue = this.#queues.get(stream) ?? { waiters: new Set(), lowest: cursor };
    this.#queues.set(stream, queue);
    queue.waiters.add(waiter);
    if (compareEntryIds(cursor, queue.lowest) < 0) queue.lowest = cursor;
  }

  /** Nobody has proven by now that the stream still has it: then it counts as lost. */
  #giveUp(waiter: Waiter): void {
    for (const [stream, queue] of this.#queues) {
      if (queue.waiters.delete(waiter) && queue.waiters.size === 0) this.#queues.delete(stream);
    }
    const { standing } = this.#judge(waiter.places, waiter.sinceMs);
    this.#end(waiter, standing === 'unproven' ? 'lost' : standing === 'unread' ? 'unknown' : standing);
  }

  #end({ resolve, cancelDeadline }: Waiter, reached: Reached): void {
    cancelDeadline();
    resolve(reached);
  }

  /** The first stream that is lost, else the first that is not reached. */
  #judge(places: readonly StreamPlaceOfClient[], sinceMs: number): Judged {
    let waiting: Judged | undefined;
    for (const { stream, place } of places) {
      const current = this.#ports.currentOf(stream);
      const standing = current === undefined ? 'lost' : standingOf(place, current, sinceMs);
      if (standing === 'lost') return { standing, stream, place };
      if (standing !== 'reached') waiting ??= { standing, stream, place };
    }
    const [first] = places;
    return waiting ?? { standing: 'reached', stream: first?.stream ?? '', place: first?.place ?? nowhere };
  }
}

interface Judged extends StreamPlaceOfClient {
  readonly standing: Standing;
}

const nowhere: StreamPosition = { epoch: '', cursor: '0-0' };
