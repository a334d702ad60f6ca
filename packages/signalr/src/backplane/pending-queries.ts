/*
 * Queries to all other instances ("which of you has this connection?") that wait for answers. Pure: time and peers are passed in.
 */
import { SignalRError } from '../errors.js';

/** Further queries are refused: instances that leave this many unanswered will not answer one more. */
const MAXIMUM_QUERIES = 10_000;

/** The end of a query: exactly one of these is called, once. */
export interface QueryListener {
  /** A peer has the connection. */
  onFound(peer: string, isDone: boolean): void;
  /** All peers answered that they do not have it. */
  onNobody(): void;
  /** @param error SignalRError `backplane_unavailable`, or `server_closed` */
  onFailed(error: SignalRError): void;
}

interface PendingQuery {
  readonly listener: QueryListener;
  readonly deadlineMs: number;
  /** Peers that have not answered. */
  readonly awaited: Set<string>;
}

/** The error that the hub's code receives for every failure between instances. */
export function unavailable(text: string, cause?: unknown): SignalRError {
  return new SignalRError('backplane_unavailable', text, cause === undefined ? undefined : { cause });
}

/** Constructor dependencies of {@link PendingQueries}. */
export interface PendingQueriesDependencies {
  readonly timeoutMs: number;
  /** True when all present peers are known, so that their answers suffice. */
  readonly isComplete: () => boolean;
}

/**
 * A query ends when one peer has the connection; when all present peers have answered that they do not, once all of them are known;
 * or at its deadline. Peers that join later are not waited for: they were not asked. Bounded: 10,000 queries.
 */
export class PendingQueries {
  readonly #dependencies: PendingQueriesDependencies;
  readonly #queries = new Map<string, PendingQuery>();

  constructor(dependencies: PendingQueriesDependencies) {
    this.#dependencies = dependencies;
  }

  get isFull(): boolean {
    return this.#queries.size >= MAXIMUM_QUERIES;
  }

  /**
   * @param peers the present ones
   * @returns false when the query is over already, because there is no peer to ask
   */
  ask(id: string, peers: readonly string[], nowMs: number, listener: QueryListener): boolean {
    const deadlineMs = nowMs + this.#dependencies.timeoutMs;
    this.#queries.set(id, { listener, deadlineMs, awaited: new Set(peers) });
    this.#settle(id);
    return this.#queries.has(id);
  }

  /** A peer has the connection, and did as requested, or had nothing to do. False when the query is over. */
  found(id: string, peer: string, isDone: boolean): boolean {
    const query = this.#take(id);
    query?.listener.onFound(peer, isDone);
    return query !== undefined;
  }

  /** A peer does not have the connection. */
  notFound(id: string, peer: string): void {
    this.#queries.get(id)?.awaited.delete(peer);
    this.#settle(id);
  }

  /** A peer that was present before the queries has announced itself for the first time. */
  peerAppeared(peer: string): void {
    for (const { awaited } of this.#queries.values()) awaited.add(peer);
  }

  /** A peer is gone, and its connections with it. */
  peerGone(peer: string): void {
    for (const id of this.#queries.keys()) this.notFound(id, peer);
  }

  /** Ends the queries that all peers have denied, and those past their deadline. */
  tick(nowMs: number): void {
    for (const [id, { deadlineMs }] of this.#queries) {
      this.#settle(id);
      if (nowMs >= deadlineMs)
        this.fail(id, unavailable(`Not every instance answered within ${this.#dependencies.timeoutMs} ms.`));
    }
  }

  /** The caller no longer waits for it. */
  forget(id: string): void {
    this.#queries.delete(id);
  }

  /** False when the query is over. */
  fail(id: string, error: SignalRError): boolean {
    const query = this.#take(id);
    query?.listener.onFailed(error);
    return query !== undefined;
  }

  failAll(error: SignalRError): void {
    for (const id of this.#queries.keys()) this.fail(id, error);
  }

  #settle(id: string): void {
    const query = this.#queries.get(id);
    if (query === undefined || query.awaited.size > 0 || !this.#dependencies.isComplete()) return;
    this.#queries.delete(id);
    query.listener.onNobody();
  }

  #take(id: string): PendingQuery | undefined {
    const query = this.#queries.get(id);
    this.#queries.delete(id);
    return query;
  }
}
