// The one queue between a publisher and the broker: by stream and lane, bounded, sent in batches, repeated under the same IDs while
// the broker is away, and refused in time where it does not come back.

import type { OutgoingEntry } from '@millrace/broker';
import type { Lane } from '@millrace/contract';
import type { CancelTimer } from '@millrace/internal';
import { outboxFull } from '../errors.js';
import type { OutboxEvent, OutboxOptions, Round, Waiting } from './queued-event.js';
import { StreamOutbox } from './stream-queue.js';

/** While something waits it is looked at so often in each `maxWaitMs`: that late a stall of this process is noticed. */
const looksPerWait = 4;
/** Shortest time between two looks, so that a queue of which something expires all the time is not walked all the time. */
const minLookMs = 10;

/**
 * Guarantees: events of one stream and lane are stored in the order in which they were put in, also over failures; in one
 * stream a higher lane goes first. An event is reported as stored only when it is. At the bound low events make room, the
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
  #round: Round = { left: 0, onSettled: undefined };
  /** Rounds that are over and not settled, as promises. Each holds an event at least. */
  readonly #rounds = new Set<Promise<void>>();
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

  /** Takes an event, and tells it what became of it, never in this turn. */
  put(event: OutboxEvent): void {
    const chars = charsOf(event);
    const stream = this.#streamOf(event.stream);
    if (!stream.hasRoomFor(event.lane) || !this.#makeRoom(chars, event.lane)) return refuse(event);
    this.#events += 1;
    this.#chars += chars;
    this.#round.left += 1;
    stream.put({ event, chars, sinceMs: this.#runningMs(), mayBeStored: false, round: this.#round });
    this.#cancelLook ??= this.#startLook(this.#options.maxWaitMs / looksPerWait);
  }

  /** Resolves when all that was put in until now is stored or refused. */
  async settled(): Promise<void> {
    const round = this.#round;
    if (round.left > 0) {
      this.#round = { left: 0, onSettled: undefined };
      const settled = new Promise<void>((resolve) => {
        round.onSettled = resolve;
      }).finally(() => this.#rounds.delete(settled));
      this.#rounds.add(settled);
    }
    await Promise.all(this.#rounds);
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
      stream = new StreamOutbox(name, this.#options, {
        runningMs: () => this.#runningMs(),
        onLeft: (waiting) => this.#leave(waiting),
      });
      this.#streams.set(name, stream);
    }
    return stream;
  }

  #leave({ chars, round }: Waiting): void {
    this.#events -= 1;
    this.#chars -= chars;
    round.left -= 1;
    if (round.left === 0) round.onSettled?.();
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
  #runningMs(): number {
    return Math.min(this.#options.clock.monotonicMs(), this.#lookDueMs) - this.#stalledMs;
  }

  #startLook(delayMs: number): CancelTimer {
    const { clock, maxWaitMs } = this.#options;
    this.#lookDueMs = clock.monotonicMs() + delayMs;
    return clock.startTimer(() => {
      this.#cancelLook = undefined;
      this.#stalledMs += Math.max(0, clock.monotonicMs() - this.#lookDueMs);
      this.#lookDueMs = Number.POSITIVE_INFINITY;
      const nowMs = this.#runningMs();
      let oldestMs = Number.POSITIVE_INFINITY;
      for (const stream of this.#streams.values())
        oldestMs = Math.min(oldestMs, stream.expire(nowMs - maxWaitMs));
      if (oldestMs === Number.POSITIVE_INFINITY) return;
      const untilDueMs = Math.max(minLookMs, oldestMs + maxWaitMs - nowMs);
      this.#cancelLook = this.#startLook(Math.min(untilDueMs, maxWaitMs / looksPerWait));
    }, delayMs);
  }
}

/** In another turn: a caller that tries again at once must not keep this process from reading the replies that make room. */
function refuse(event: OutboxEvent): void {
  setImmediate(() => event.failed(outboxFull(event.eventId)));
}

function charsOf({ fields }: OutgoingEntry): number {
  let chars = 0;
  for (const name in fields) chars += name.length + (fields[name] ?? '').length;
  return chars;
}
