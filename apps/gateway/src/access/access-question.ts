// One question about access that waits for its turn or for its answer. All callers with the same question share it.
import type { CancelTimer } from '@millrace/internal';
import type { User } from '../auth/token-verifier.js';
import type { AccessDecision } from './access-rule.js';
import type { AccessPair } from './user-identity.js';

type Decided = AccessDecision | Promise<AccessDecision>;

/** The states: waiting → running → ended, or waiting → ended. */
export class AccessQuestion {
  readonly user: User;
  readonly pair: AccessPair;
  state: 'waiting' | 'running' | 'ended' = 'waiting';
  /** True if the user was removed or signed out after the question was asked. Its answer is then not used. */
  isOutdated = false;
  cancelTimer: CancelTimer = () => {};
  // The next three are created on first use. A rule that answers at once needs none of them.
  #decision: Promise<AccessDecision> | undefined;
  #settle: ((decided: Decided) => void) | undefined;
  #abort: AbortController | undefined;

  constructor(user: User, pair: AccessPair) {
    this.user = user;
    this.pair = pair;
  }

  /** The decision. Read it before the question is resolved. Never rejects. */
  get decision(): Promise<AccessDecision> {
    this.#decision ??= new Promise((resolve) => {
      this.#settle = resolve;
    });
    return this.#decision;
  }

  /** Aborts when nobody waits for the answer any more. */
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    return this.#abort.signal;
  }

  /** Ends the question. Returns false if it has ended already. */
  end(): boolean {
    if (this.state === 'ended') return false;
    this.state = 'ended';
    this.cancelTimer();
    return true;
  }

  resolve(decided: Decided): void {
    this.#settle?.(decided);
  }

  abort(): void {
    this.#abort?.abort();
  }
}
