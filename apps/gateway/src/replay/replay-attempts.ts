// Detects clients that disconnect because of what they are replayed. Whatever the reason, an event that makes a client disconnect as soon as
// it has it would be replayed at its next join, for ever. After some attempts the client is told to reload the room, and gets past it.
import type { Broker } from '@millrace/broker';
import type { Clock } from '@millrace/internal';

/** A replay that a client was sent. */
export interface ReplayAttempt {
  readonly userId: string;
  readonly roomId: string;
  /** ID of the first event that was sent. The next replay to a client that makes progress begins with a different event. */
  readonly firstEventId: string;
  readonly startedMs: number;
  /** Time at which the last event was sent. */
  lastMs: number;
}

/** Dependencies of {@link ReplayAttempts}. */
export interface ReplayAttemptsDependencies {
  readonly counters: Broker['counters'];
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** Called when a client is told to reload a room. */
  onGivenUp(attempt: Pick<ReplayAttempt, 'roomId' | 'firstEventId'>): void;
}

const maxAttempts = 5;
/** A connection that ends later than this after the replay ended for another reason. */
const failedWithinMs = 2_000;
/** Longer than clients wait between two attempts. */
const keepMs = 120_000;
/** Longest time that a join waits for the count. After it the client is replayed the events, which costs at most one attempt more. */
const maxWaitMs = 250;
/** Most counts requested or reported at a time; beyond it nothing is counted: there will be another attempt. */
const maxCalls = 1_000;

/**
 * Counts, per user, room and first event and over all gateways, the connections that ended right after a replay. Attempts side by side (a
 * user's tabs) count once. A gateway on which no such connection ended lately requests no counts: there a client has at most one attempt more.
 */
export class ReplayAttempts {
  readonly #dependencies: ReplayAttemptsDependencies;
  #calls = 0;
  /** Until this time a client whose replay failed may come back. */
  #watchedUntilMs = 0;
  #isStopped = false;

  constructor(dependencies: ReplayAttemptsDependencies) {
    this.#dependencies = dependencies;
  }

  /** Begins an attempt; `undefined` when there were too many. Waits for the broker only where a replay failed lately. */
  async begin(userId: string, roomId: string, firstEventId: string): Promise<ReplayAttempt | undefined> {
    const startedMs = this.#dependencies.clock.monotonicMs();
    const attempt: ReplayAttempt = { userId, roomId, firstEventId, startedMs, lastMs: startedMs };
    if (startedMs > this.#watchedUntilMs) return attempt;
    const count = (await this.#call((counters) => counters.read(counterNameOf(attempt)))) ?? 0;
    if (count < maxAttempts) return attempt;
    this.#dependencies.onGivenUp(attempt);
    return undefined;
  }

  /** Called when the connection to which the replay was sent has ended, unless this gateway ended it. */
  end(attempt: ReplayAttempt): void {
    const timeMs = this.#dependencies.clock.monotonicMs();
    if (this.#isStopped || timeMs - attempt.lastMs > failedWithinMs) return;
    this.#watchedUntilMs = timeMs + keepMs;
    const occurrence = { name: counterNameOf(attempt), ageMs: timeMs - attempt.startedMs, keepMs };
    void this.#call((counters) => counters.count(occurrence));
  }

  /** Stops counting: from now on connections end because this gateway stops. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Resolves to `undefined` when the broker failed or did not answer in time: the next attempt asks again. */
  async #call(request: (counters: Broker['counters']) => Promise<number>): Promise<number | undefined> {
    if (this.#calls >= maxCalls) return undefined;
    this.#calls += 1;
    const answer = request(this.#dependencies.counters)
      .catch(() => undefined)
      .finally(() => {
        this.#calls -= 1;
      });
    let cancel = (): void => {};
    const late = new Promise<undefined>((resolve) => {
      cancel = this.#dependencies.clock.startTimer(() => resolve(undefined), maxWaitMs);
    });
    const count = await Promise.race([answer, late]);
    cancel();
    return count;
  }
}

/** Name of the counter in the broker. Gateways of all builds share it. */
function counterNameOf({ userId, roomId, firstEventId }: ReplayAttempt): string {
  return JSON.stringify(['thrown out', userId, roomId, firstEventId]);
}
