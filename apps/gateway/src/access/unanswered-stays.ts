// Keeps users in a joined room after a new token while the access rule is undecided. Asks the rule again until it decides. A refusal is
// handled elsewhere: it makes every connection of the user leave the room.
import type { CancelTimer, Clock } from '@millrace/internal';
import type { User } from '../auth/token-verifier.js';
import type { AccessDecision } from './access-rule.js';
import type { AccessPair } from './user-identity.js';

/** Maximum number of stays that one turn of the timer asks about. While the rule is unavailable, a turn asks about one stay. */
const MAX_PER_TURN = 100;

/** Dependencies of {@link UnansweredStays}. */
export interface UnansweredStaysDependencies {
  readonly clock: Pick<Clock, 'startTimer'>;
  /** Time between two turns of the timer. */
  readonly intervalMs: number;
  /** Maximum number of undecided stays. Beyond it, a user must leave the room unless the rule allows the stay at once. */
  readonly maxStays: number;
  isAway(): boolean;
  decide(user: User, pair: AccessPair): AccessDecision | Promise<AccessDecision>;
}

interface Stay {
  readonly user: User;
  readonly pair: AccessPair;
}

/** See the comment at the top of this file. The timer runs only while a stay has no answer, and never again after `stop`. */
export class UnansweredStays {
  readonly #dependencies: UnansweredStaysDependencies;
  /** The undecided stays, in the order in which the rule is asked about them. */
  readonly #stays = new Map<string, Stay>();
  #cancelTimer: CancelTimer | undefined;
  #isStopped = false;

  constructor(dependencies: UnansweredStaysDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Returns true if a user may stay in a room for now, and false if the rule refuses at once. If too many stays are undecided, returns
   * true only if the rule allows the stay at once.
   */
  admit(user: User, pair: AccessPair): boolean {
    const isFull = this.#stays.size >= this.#dependencies.maxStays && !this.#stays.has(pair.key);
    if (isFull) return this.#dependencies.decide(user, pair) === 'allowed';
    return this.#ask({ user, pair });
  }

  /** Forgets all stays. Nobody asks about later ones, so a user whose stay is undecided stays. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#stays.clear();
  }

  #ask(stay: Stay): boolean {
    const { user, pair } = stay;
    const decision = this.#dependencies.decide(user, pair);
    if (decision === 'allowed') return true;
    if (decision === 'refused') return false;
    if (this.#isStopped) return true;
    this.#stays.set(pair.key, stay);
    if (decision instanceof Promise)
      void decision.then((decided) => {
        if (decided !== 'away') this.#stays.delete(pair.key);
      });
    this.#startTimer();
    return true;
  }

  #turn(): void {
    this.#cancelTimer = undefined;
    const count = this.#dependencies.isAway() ? 1 : MAX_PER_TURN;
    for (const stay of takeFirst(this.#stays.values(), count)) {
      this.#stays.delete(stay.pair.key);
      this.#ask(stay);
    }
    if (this.#stays.size > 0) this.#startTimer();
  }

  #startTimer(): void {
    const { clock, intervalMs } = this.#dependencies;
    this.#cancelTimer ??= clock.startTimer(() => this.#turn(), intervalMs);
  }
}

/** Returns the first `count` values as a copy, so that the caller may change the collection meanwhile. */
function takeFirst<Value>(values: Iterable<Value>, count: number): Value[] {
  const taken: Value[] = [];
  for (const value of values) if (taken.push(value) === count) break;
  return taken;
}
