/*
 * Calls of the server on one client that wait for the client's answer.
 */
import { HubError, type SignalRError } from '../errors.js';
import type { CompletionOutcome } from '../protocol/hub-message.js';
import { canceled, disconnected, tooManyCalls } from './call-errors.js';

/** Calls that may wait for the answer of one client. */
const MAXIMUM_PENDING = 1_000;

/** The caller that waits for the answer of one call. Exactly one of these is called, once. */
export interface AnswerListener {
  answered(outcome: CompletionOutcome): void;
  failed(error: SignalRError): void;
}

/**
 * Ids are `s1`, `s2`, … per connection, and random for calls that come from another instance. Bounded: beyond 1,000 pending
 * answers a call is refused. Answers of other connections never arrive here, because each connection has its own object.
 */
export class ClientResults {
  readonly #connectionId: string;
  readonly #pending = new Map<string, AnswerListener>();
  #lastId = 0;
  #isEnded = false;

  constructor(connectionId: string) {
    this.#connectionId = connectionId;
  }

  /**
   * Sends a call by `write` and waits for its answer.
   * @throws SignalRError (as a rejection) `disconnected`, `canceled`, `too_many_calls`; HubError with the client's own words
   */
  async call(write: (invocationId: string) => boolean, signal: AbortSignal | undefined): Promise<unknown> {
    if (signal?.aborted === true) throw canceled();
    this.#lastId += 1;
    const invocationId = `s${this.#lastId}`;
    let onAbort: (() => void) | undefined;
    try {
      return await new Promise((resolve, reject) => {
        const listener = { answered: settleWith(resolve, reject), failed: reject };
        onAbort = () => reject(canceled());
        signal?.addEventListener('abort', onAbort, { once: true });
        this.expect(invocationId, () => write(invocationId), listener);
      });
    } finally {
      this.forget(invocationId);
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    }
  }

  /**
   * Sends a call by `write`, which returns false when it could not; the client's answer goes to the listener.
   * @throws SignalRError `disconnected`, `too_many_calls`, and what `write` throws; the listener is not called then
   */
  expect(invocationId: string, write: () => boolean, listener: AnswerListener): void {
    if (this.#pending.size >= MAXIMUM_PENDING) throw tooManyCalls();
    if (this.#isEnded) throw disconnected(this.#connectionId);
    this.#pending.set(invocationId, listener);
    try {
      if (write()) return;
    } catch (error) {
      this.#pending.delete(invocationId);
      throw error;
    }
    // A client that turns out to be too slow is closed inside `write`, and its listeners have been called then.
    if (this.#pending.delete(invocationId)) throw disconnected(this.#connectionId);
  }

  /** The caller no longer waits: the client's answer will be ignored. */
  forget(invocationId: string): void {
    this.#pending.delete(invocationId);
  }

  /** False when no call waits for this answer. */
  settle(invocationId: string, outcome: CompletionOutcome): boolean {
    const listener = this.#pending.get(invocationId);
    if (listener === undefined) return false;
    this.#pending.delete(invocationId);
    listener.answered(outcome);
    return true;
  }

  /** The connection is over: the client will not answer. */
  end(): void {
    this.#isEnded = true;
    const listeners = [...this.#pending.values()];
    this.#pending.clear();
    for (const listener of listeners) listener.failed(disconnected(this.#connectionId));
  }
}

/** Settles a promise with the client's answer: one without a result is `undefined`. */
export function settleWith(
  resolve: (result: unknown) => void,
  reject: (error: Error) => void,
): AnswerListener['answered'] {
  return (outcome) => {
    if (outcome.kind === 'error') reject(new HubError(outcome.error));
    else resolve(outcome.kind === 'result' ? outcome.result : undefined);
  };
}
