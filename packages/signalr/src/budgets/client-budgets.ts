/*
 * The budgets of the clients of one hub, by their owners. A budget counts the connections of its owner, and limits what they send.
 */
import { OldestFirstMap, TokenBucket } from '@millrace/internal';
import type { ConnectionPrincipal } from '../connection/connection-principal.js';
import type { RequestInfo } from '../connection/request-info.js';
import { type BudgetOwner, type BudgetOwnerOf, type ClientLimits, ownerByUserId } from './client-limits.js';

/**
 * Maximum number of remembered owners that have no connection. If there are more, the owner that left longest ago is forgotten, and
 * has a full budget again.
 */
const MAXIMUM_RESTING = 100_000;

/** Time for which an owner cannot open a connection after one of its connections was closed because it sent too much. */
const BLOCKED_MS = 10_000;

/** The part of a ticker that budgets need. */
export interface BudgetClock {
  monotonicMs(): number;
}

/** The budget of one owner. Its connections hold it, so that a message needs no lookup. */
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

  /** Takes a cost and returns 0, or returns the milliseconds after which the cost can be taken. */
  take(nowMs: number, cost: number): number {
    return this.#bucket.take(nowMs, cost);
  }

  /** The same for a request that leads to another connection. */
  takeForConnection(nowMs: number, cost: number): number {
    return nowMs < this.#blockedUntilMs ? this.#blockedUntilMs - nowMs : this.take(nowMs, cost);
  }

  /**
   * Lets the owner open no connection for a while. An owner that stands for several users is not blocked, because the others have
   * done nothing.
   */
  block(nowMs: number): void {
    if (this.#userCount === 1) this.#blockedUntilMs = nowMs + BLOCKED_MS;
  }

  /** Counts a connection. `closeConnection` must be called once, when the connection has ended. */
  openConnection(): void {
    this.#count(1, 0);
  }

  closeConnection(): void {
    this.#count(-1, 0);
  }

  /** Counts a negotiation. `endPending` must be called once, when a transport has come or the time is over. */
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
  /** The monotonic time at which the budget is full. */
  readonly atMs: number;
  /** Called when the owner has its first connection or negotiation, and when it has none left. */
  readonly onUse: (isInUse: boolean) => void;
}

/**
 * All budgets of a hub. The budgets of owners with connections are as many as these connections at most. The budget of an owner
 * without connections is kept until it would be full again, so that reconnecting does not refill it.
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
        // A budget that was forgotten before its first connection came may have a successor.
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
