/*
 * Limits one connection by two budgets: the budget that the client's connections share, and a budget of the connection alone.
 */
import { setTimeout } from 'node:timers/promises';
import { TokenBucket } from '@millrace/internal';
import type { BudgetClock, ClientBudget } from './client-budgets.js';
import type { ClientLimits } from './client-limits.js';

/** The limits and the clock that all connections of a hub share. */
export interface SharedLimits {
  readonly limits: ClientLimits;
  readonly clock: BudgetClock;
}

/** The part of a connection that its budget closes. */
interface LimitedConnection {
  close(reason: 'rate_limited'): void;
}

/** After this number of refused messages, the server pauses reading from the connection. */
const REFUSALS_PER_PAUSE = 32;

/**
 * Length of the pause. Without pauses, a client that calls as fast as it can would take so much of the server's time for
 * refusals that other clients would notice.
 */
const PAUSE_MS = 50;

/**
 * The budget of one connection. Its own bucket has the size of one user's budget. A second bucket, a third of that size,
 * counts refused messages. The connection is closed when the second bucket is empty. A client that cannot rejoin all its
 * rooms at once stays within it.
 */
export class ConnectionBudget {
  #connection: LimitedConnection | undefined;
  readonly #shared: SharedLimits;
  readonly #client: ClientBudget | undefined;
  readonly #own: TokenBucket;
  /** Created at the first refusal, because most clients are never refused. */
  #refusals: TokenBucket | undefined;
  #refusalsUntilPause = REFUSALS_PER_PAUSE;

  /** @param client undefined if the client has no owner */
  constructor(shared: SharedLimits, client: ClientBudget | undefined) {
    this.#shared = shared;
    this.#client = client;
    this.#own = new TokenBucket(shared.limits.rate, shared.clock.monotonicMs());
  }

  /** Begins to count the connection. The connection is closed if it continues to send beyond its budgets. */
  begin(connection: LimitedConnection): void {
    this.#connection = connection;
    this.#client?.openConnection();
  }

  /** Called once, when the connection has ended. */
  end(): void {
    this.#client?.closeConnection();
  }

  /**
   * Charges a message. Returns 0 if the budgets allow it, otherwise the milliseconds until they allow the next one. Closes
   * the connection if it continues to send beyond its budgets.
   */
  charge(): number {
    const nowMs = this.#shared.clock.monotonicMs();
    const ownWaitMs = this.#own.take(nowMs);
    const waitMs = ownWaitMs > 0 ? ownWaitMs : (this.#client?.take(nowMs, 1) ?? 0);
    if (waitMs > 0) this.#noteRefusal(nowMs);
    return waitMs;
  }

  /** Returns a promise when reading must pause. The pause ends when the promise resolves. */
  pause(): Promise<void> | undefined {
    if (this.#refusalsUntilPause > 0) return undefined;
    this.#refusalsUntilPause = REFUSALS_PER_PAUSE;
    return setTimeout(PAUSE_MS);
  }

  #noteRefusal(nowMs: number): void {
    this.#refusalsUntilPause -= 1;
    this.#refusals ??= new TokenBucket(this.#shared.limits.refusalRate, nowMs);
    if (this.#refusals.take(nowMs) === 0) return;
    this.#client?.block(nowMs);
    this.#connection?.close('rate_limited');
  }
}
