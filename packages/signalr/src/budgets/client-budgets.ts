/*
 * The budgets of the clients of one hub, one for each owner. A budget counts its owner's connections, and limits the messages
 * that they send.
 */
import { OldestFirstMap, TokenBucket } from '@millrace/internal';
import type { ConnectionPrincipal } from '../connection/connection-principal.js';
import type { RequestInfo } from '../connection/request-info.js';
import { type BudgetOwner, type BudgetOwnerOf, type ClientLimits, ownerByUserId } from './client-limits.js';

/**
 * Maximum number of remembered owners without a connection. Above it, the owner that left longest ago is forgotten. A
 * forgotten owner starts again with a full budget.
 */
const MAXIMUM_RESTING = 100_000;

/** A connection that sends too much is closed. Its owner cannot open another one for this time. */
const BLOCKED_MS = 10_000;

/** The part of a ticker that budgets need. */
export interface BudgetClock {
  monotonicMs(): number;
}

/** The budget of one owner. Each connection has a reference to it, so that a message needs no lookup. */
export class ClientBudget {
  readonly #limits: ClientLimits;
  readonly #userCount: number;
  readonly #bucket: TokenBucket;
  readonly #onUse: ClientBudgetDependencies['onUse'];
  #connectionCount = 0;
  #pendingCount = 0;
  #blockedUntilMs = 0;

  constructor({ userCount = 1 }: BudgetOwner, limits: ClientLimits, dependencies: ClientBudgetDependencies) {
    this.#limits = limits;
    this.#userCount = userCount;
    const { perSecond, burst } = limits.rate;
    const rate = { perSecond: perSecond * userCount, burst: burst * userCount };
    this.#bucket = new TokenBucket(rate, dependencies.atMs);
    this.#onUse = dependencies.onUse;
  }

  /** True while the owner has a connection or a negotiation. */
  get isInUse(): boolean {
    return this.#connectionCount + this.#pendingCount > 0;
  }

  get isFullOfConnections(): boolean {
    return this.#connectionCount >= this.#limits.maximumConnections * this.#userCount;
  }

  get isFullOfPending(): boolean {
    return this.#pendingCount >= this.#limits.maximumPendingConnections * this.#userCount;
  }

  get maximumConnections(): number {
    return this.#limits.maximumConnections * this.#userCount;
  }

  get maximumPendingConnections(): number {
    return this.#limits.maximumPendingConnections * this.#userCount;
  }

  /**
   * Takes a cost from the budget and returns 0. If the budget does not suffice, takes nothing and returns the milliseconds
   * until it does.
   */
  take(nowMs: number, cost: number): number {
    return this.#bucket.take(nowMs, cost);
  }

  /** Does the same as `take` for a request that leads to a connection. A blocked owner must wait until the block ends. */
  takeForConnection(nowMs: number, cost: number): number {
    return nowMs < this.#blockedUntilMs ? this.#blockedUntilMs - nowMs : this.take(nowMs, cost);
  }

  /**
   * Prevents the owner from opening connections for a while. An owner that stands for several users is never blocked, because
   * most of them have done nothing wrong.
   */
  block(nowMs: number): void {
    if (this.#userCount === 1) this.#blockedUntilMs = nowMs + BLOCKED_MS;
  }

  /** Counts a connection. Call `closeConnection` once, when the connection has ended. */
  openConnection(): void {
    this.#count(1, 0);
  }

  closeConnection(): void {
    this.#count(-1, 0);
  }

  /** Counts a negotiation. Call `endPending` once, when a transport has been opened or the negotiation has expired. */
  beginPending(): void {
    this.#count(0, 1);
  }

  endPending(): void {
    this.#count(0, -1);
  }

  #count(connections: number, pending: number): void {
    const wasInUse = this.isInUse;
    this.#connectionCount += connections;
    this.#pendingCount += pending;
    if (this.isInUse !== wasInUse) this.#onUse(this.isInUse);
  }
}

interface ClientBudgetDependencies {
  /** The monotonic time at which the budget begins, and is full. */
  readonly atMs: number;
  /** Called with true for the owner's first connection or negotiation, and with false when the last one has ended. */
  readonly onUse: (isInUse: boolean) => void;
}

/**
 * All budgets of a hub. There is at most one budget for each open connection or negotiation. The budget of an owner without
 * either is kept until it would be full again. Otherwise a client could refill its budget by reconnecting.
 */
export class ClientBudgets {
  readonly limits: ClientLimits;
  readonly #ownerOf: BudgetOwnerOf<unknown>;
  readonly clock: BudgetClock;
  readonly #inUse = new Map<string, ClientBudget>();
  readonly #resting = new OldestFirstMap<
    string,
    { readonly budget: ClientBudget; readonly forgetAtMs: number }
  >();
  readonly #restMs: number;

  constructor(limits: ClientLimits, clock: BudgetClock, ownerOf: BudgetOwnerOf<unknown> = ownerByUserId) {
    this.limits = limits;
    this.#ownerOf = ownerOf;
    this.clock = clock;
    this.#restMs = Math.max(BLOCKED_MS, TokenBucket.fullAfterMs(limits.rate));
  }

  /** Returns the budget of a client, or undefined if the client has no owner. */
  of(info: RequestInfo, principal: ConnectionPrincipal): ClientBudget | undefined {
    const { userId, user } = principal;
    const owner = this.#ownerOf(info, { userId, user });
    if (owner === undefined) return undefined;
    const used = this.#inUse.get(owner.key);
    if (used !== undefined) return used;
    const budget = this.#resting.get(owner.key)?.budget ?? this.#create(owner);
    this.#rest(owner.key, budget);
    return budget;
  }

  #create(owner: BudgetOwner): ClientBudget {
    const budget: ClientBudget = new ClientBudget(owner, this.limits, {
      atMs: this.clock.monotonicMs(),
      onUse: (isInUse) => {
        if (isInUse) {
          this.#resting.delete(owner.key);
          this.#inUse.set(owner.key, budget);
          return;
        }
        // This budget may have been forgotten before its first connection came. The owner then has a new budget, which must
        // stay.
        if (this.#inUse.get(owner.key) === budget) this.#inUse.delete(owner.key);
        this.#rest(owner.key, budget);
      },
    });
    return budget;
  }

  #rest(key: string, budget: ClientBudget): void {
    const nowMs = this.clock.monotonicMs();
    this.#resting.set(key, { budget, forgetAtMs: nowMs + this.#restMs });
    this.#forgetOld(nowMs);
  }

  #forgetOld(nowMs: number): void {
    for (let oldest = this.#resting.oldest(); oldest !== undefined; oldest = this.#resting.oldest()) {
      const [key, { forgetAtMs }] = oldest;
      if (forgetAtMs > nowMs && this.#resting.size <= MAXIMUM_RESTING) return;
      this.#resting.delete(key);
    }
  }
}
