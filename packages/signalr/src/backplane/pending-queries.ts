/*
 * Queries to all other instances ("which of you has this connection?") that wait for answers. Pure: time and peers are passed in.
 */
import { SignalRError } from '../errors.js';

/**
 * Maximum number of pending queries. More are refused: instances that leave so many queries unanswered will not answer
 * another one.
 */
const MAXIMUM_QUERIES = 10_000;

/**
 * Receives the outcome of a query. Exactly one of the methods is called, once. No method is called for a query that was
 * forgotten.
 */
export interface QueryListener {
  /** Called when a peer has the connection. `isDone` is false if the peer had nothing to do. */
  onFound(peer: string, isDone: boolean): void;
  /** Called when all peers have answered that they do not have the connection. */
  onNobody(): void;
  /**
   * @param error SignalRError `backplane_unavailable`, `server_closed`, or a code of `FAILURE_CODES` if a peer could not call its
   * client
   */
  onFailed(error: SignalRError): void;
}

interface PendingQuery {
  readonly listener: QueryListener;
  readonly deadlineMs: number;
  /** Peers that have not answered. */
  readonly awaited: Set<string>;
}

/** Creates the error that the hub's code receives when instances cannot reach each other. */
export function unavailable(text: string, cause?: unknown): SignalRError {
  return new SignalRError('backplane_unavailable', text, cause === undefined ? undefined : { cause });
}

/** Constructor dependencies of {@link PendingQueries}. */
export interface PendingQueriesDependencies {
  readonly timeoutMs: number;
  /** Returns true when all present peers are known, so that their answers are enough to end a query. */
  readonly isComplete: () => boolean;
}

/**
 * Keeps the queries that wait for answers. A query ends in one of these cases:
 * - One peer has the connection.
 * - All present peers are known and have answered that they do not have the connection.
 * - The deadline has passed.
 *
 * A query does not wait for peers that join later, because these peers did not receive the query. At most
 * 10,000 queries are pending.
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
   * Registers a query.
   * @param peers the present peers
   * @returns false if the query has already ended, because no peer is present
   */
  ask(id: string, peers: readonly string[], nowMs: number, listener: QueryListener): boolean {
    const deadlineMs = nowMs + this.#dependencies.timeoutMs;
    this.#queries.set(id, { listener, deadlineMs, awaited: new Set(peers) });
    this.#settle(id);
    return this.#queries.has(id);
  }

  /**
   * Ends a query, because a peer has the connection. `isDone` is false if the peer had nothing to do. Returns
   * false if the query has already ended.
   */
  found(id: string, peer: string, isDone: boolean): boolean {
    const query = this.#take(id);
    query?.listener.onFound(peer, isDone);
    return query !== undefined;
  }

  /** Records a peer's answer that it does not have the connection. */
  notFound(id: string, peer: string): void {
    this.#queries.get(id)?.awaited.delete(peer);
    this.#settle(id);
  }

  /**
   * Adds a peer that was present before the queries began, but announces itself only now. All pending queries also wait for
   * its answer.
   */
  peerAppeared(peer: string): void {
    for (const { awaited } of this.#queries.values()) awaited.add(peer);
  }

  /** Stops waiting for the answers of a peer that is gone, because its connections are also gone. */
  peerGone(peer: string): void {
    for (const id of this.#queries.keys()) this.notFound(id, peer);
  }

  /** Ends the queries to which all peers have answered `elsewhere`, and the queries past their deadline. */
  tick(nowMs: number): void {
    for (const [id, { deadlineMs }] of this.#queries) {
      this.#settle(id);
      if (nowMs >= deadlineMs)
        this.fail(id, unavailable(`Not every instance answered within ${this.#dependencies.timeoutMs} ms.`));
    }
  }

  /** Removes a query, because its caller no longer waits. The listener is not called. */
  forget(id: string): void {
    this.#queries.delete(id);
  }

  /** Ends a query with an error. Returns false if the query has already ended. */
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
