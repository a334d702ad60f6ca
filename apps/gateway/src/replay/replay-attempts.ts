// Detects clients that disconnect whenever a certain event is replayed to them, whatever the reason. Every join would
// otherwise replay the event, and the client would disconnect each time. After some attempts, the client is told to reload
// the room instead.
import type { Broker } from '@millrace/broker';
import type { Clock } from '@millrace/internal';

/** A replay that was sent to a client. */
export interface ReplayAttempt {
  readonly userId: string;
  readonly roomId: string;
  /** ID of the first event that was sent. The next replay begins with another event if the client makes progress. */
  readonly firstEventId: string;
  readonly startedMs: number;
  /** Time at which the last event was sent. */
  lastMs: number;
}

/** Dependencies of {@link ReplayAttempts}. */
export interface ReplayAttemptsDependencies {
  readonly counters: Broker['counters'];
  readonly clock: Pick<Clock, 'monotonicMs' | 'startTimer'>;
  /** Called when a client is told to reload a room after too many attempts. */
  onGivenUp(attempt: Pick<ReplayAttempt, 'roomId' | 'firstEventId'>): void;
}

const maxAttempts = 5;
/** A replay has failed if the connection ends within this time after its last event was sent. */
const failedWithinMs = 2_000;
/** Time for which failed replays are counted. The pause of a client between two attempts is shorter. */
const keepMs = 120_000;
/** Maximum time that a join waits for the count. The events are then replayed, which costs at most one more attempt. */
const maxWaitMs = 250;
/**
 * Maximum number of concurrent requests to the counters. Further requests are skipped, because the client's next attempt
 * makes a request again.
 */
const maxCalls = 1_000;

/**
 * Counts the connections that ended right after a replay, per user, room and first event. All gateways share the counts.
 * Simultaneous attempts, as in several tabs of one user, count once.
 *
 * A gateway reads the counts only if one of its own connections ended in this way recently. Therefore a client may have one
 * more attempt at another gateway.
 */
export class ReplayAttempts {
  readonly #dependencies: ReplayAttemptsDependencies;
  #calls = 0;
  /** Time until which counts are read. A client whose replay failed here may reconnect until then. */
  #watchedUntilMs = 0;
  #isStopped = false;

  constructor(dependencies: ReplayAttemptsDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Begins an attempt. Resolves to `undefined` after too many attempts. Waits for the broker only if a replay failed on this
   * gateway recently.
   */
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

  /** Stops counting: connections that end from now on end because this gateway stops. */
  stop(): void {
    this.#isStopped = true;
  }

  /**
   * Resolves to `undefined` if the request failed, was skipped, or was not answered in time. The next attempt makes a request
   * again.
   */
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

/** Returns the name of the counter in the broker. Gateways of all builds must use the same name. */
function counterNameOf({ userId, roomId, firstEventId }: ReplayAttempt): string {
  return JSON.stringify(['thrown out', userId, roomId, firstEventId]);
}
