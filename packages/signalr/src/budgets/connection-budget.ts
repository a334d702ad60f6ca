/*
 * Limits one connection: the budget that it shares with the other connections of its client, and a budget of its own.
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

/** After this number of refused messages, nothing is read from the connection for a while. */
const REFUSALS_PER_PAUSE = 32;

/**
 * Length of the pause. Without pauses, the refusals of a client that calls as fast as it can would take a share of the server's time that
 * the other clients notice.
 */
const PAUSE_MS = 50;

/**
 * The budget of one connection. Its own bucket has the size of one user's budget. Another bucket, a third of that size, allows for refused
 * messages; the connection is closed when that bucket is empty. It suffices for a client that cannot rejoin its rooms at once.
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

  /** Counts the connection, which is closed if it continues to send beyond its budgets. */
  begin(connection: LimitedConnection): void {
    this.#connection = connection;
    this.#client?.openConnection();
  }

  /** Called once, when the connection has ended. */
  end(): void {
    this.#client?.closeConnection();
  }

  /**
   * Charges a message. Returns 0 if it is within the budgets, otherwise the milliseconds after which the next message is. Closes the
   * connection if it continues to send beyond its budgets.
   */
  charge(): number {
    const nowMs = this.#shared.clock.monotonicMs();
    const ownWaitMs = this.#own.take(nowMs);
    const waitMs = ownWaitMs > 0 ? ownWaitMs : (this.#client?.take(nowMs, 1) ?? 0);
    if (waitMs > 0) this.#noteRefusal(nowMs);
    return waitMs;
  }

  /** Returns a promise when it is time to read nothing for a while. */
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
