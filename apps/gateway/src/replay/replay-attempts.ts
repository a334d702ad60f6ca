// Clients that are thrown out by what they are replayed. Whatever the reason, an event that makes a client disconnect as soon as it has
// it is handed out again at its next join, for ever. After some rounds the client is told to load the room anew, and gets past it.

import type { Broker } from '@millrace/broker';
import type { Clock } from '@millrace/internal';

/** A replay that a client was sent. */
export interface ReplayRound {
  readonly userId: string;
  readonly roomId: string;
  /** ID of the first event that was sent: a client that gets on has another one next time. */
  readonly firstEventId: string;
  readonly startedMs: number;
  /** When something was sent last. */
  lastMs: number;
}

/** Dependencies of {@link ReplayRounds}. */
export interface ReplayRoundsPorts {
  readonly counters: Broker['counters'];
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** A client is told to load a room anew. */
  givenUp(round: Pick<ReplayRound, 'roomId' | 'firstEventId'>): void;
}

const maxRounds = 5;
/** A connection that ends later ended for another reason. */
const thrownOutMs = 2_000;
/** Longer than clients wait between two attempts. */
const keepMs = 120_000;
/** A join does not wait longer for the count: then it is as before, and the round is one more. */
const askMs = 250;
/** Counts that are asked for or reported at a time; beyond it nothing is counted: there will be another round. */
const maxCalls = 1_000;

/**
 * Counts, per user, room and first event and over all gateways, the connections that ended right after a replay. Rounds side by side (a
 * user's tabs) count once. A gateway on which nobody was thrown out lately asks nothing: there a client has at most one round more.
 */
export class ReplayRounds {
  readonly #ports: ReplayRoundsPorts;
  #calls = 0;
  /** Until then a client that was thrown out may come back. */
  #watchedUntilMs = 0;
  #isStopped = false;

  constructor(ports: ReplayRoundsPorts) {
    this.#ports = ports;
  }

  /** Begins a round; `undefined` when there were enough of them. Waits for the broker only where somebody was thrown out lately. */
  async begin(userId: string, roomId: string, firstEventId: string): Promise<ReplayRound | undefined> {
    const startedMs = this.#ports.clock.monotonicMs();
    const round: ReplayRound = { userId, roomId, firstEventId, startedMs, lastMs: startedMs };
    if (startedMs > this.#watchedUntilMs) return round;
    const count = (await this.#call((counters) => counters.read(nameOf(round)))) ?? 0;
    if (count < maxRounds) return round;
    this.#ports.givenUp(round);
    return undefined;
  }

  /** The connection to which it was sent has ended, and not because this gateway wanted it. */
  end(round: ReplayRound): void {
    const nowMs = this.#ports.clock.monotonicMs();
    if (this.#isStopped || nowMs - round.lastMs > thrownOutMs) return;
    this.#watchedUntilMs = nowMs + keepMs;
    const occurrence = { name: nameOf(round), ageMs: nowMs - round.startedMs, keepMs };
    void this.#call((counters) => counters.count(occurrence));
  }

  /** From now on connections end because this gateway does. */
  stop(): void {
    this.#isStopped = true;
  }

  /** `undefined` when the broker did not answer in time, whatever it was: the next round asks again. */
  async #call(ask: (counters: Broker['counters']) => Promise<number>): Promise<number | undefined> {
    if (this.#calls >= maxCalls) return undefined;
    this.#calls += 1;
    const asking = ask(this.#ports.counters)
      .catch(() => undefined)
      .finally(() => {
        this.#calls -= 1;
      });
    let cancel = (): void => {};
    const late = new Promise<undefined>((resolve) => {
      cancel = this.#ports.clock.startTimer(() => resolve(undefined), askMs);
    });
    const count = await Promise.race([asking, late]);
    cancel();
    return count;
  }
}

function nameOf({ userId, roomId, firstEventId }: ReplayRound): string {
  return JSON.stringify(['thrown out', userId, roomId, firstEventId]);
}
