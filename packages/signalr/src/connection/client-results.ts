/*
 * The calls from the server to one client that still wait for the client's answer.
 */
import { HubError, type SignalRError } from '../errors.js';
import type { CompletionOutcome } from '../protocol/hub-message.js';
import { canceled, disconnected, tooManyCalls } from './call-errors.js';

/** Maximum number of calls that may wait for the answers of one client. */
const MAXIMUM_PENDING = 1_000;

/**
 * The caller that waits for the answer to one call. Exactly one of the two methods is called, once. Neither is called if
 * `expect` throws, or if `forget` is called first.
 */
export interface AnswerListener {
  answered(outcome: CompletionOutcome): void;
  failed(error: SignalRError): void;
}

/**
 * The pending calls of one connection by their ids. Calls of this instance have the ids `s1`, `s2`, …. Calls of other
 * instances have random ids. At most 1,000 calls can be pending. Each connection has its own object, so that a client cannot
 * answer a call to another client.
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
   * Sends a call with `write` and waits for the client's answer.
   * @throws SignalRError (as a rejection) `disconnected`, `canceled`, `too_many_calls`
   * @throws HubError with the error text that the client sent
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
   * Sends a call with `write`, and passes the client's answer to the listener. `write` must return false if it could not send
   * the call.
   * @throws SignalRError `disconnected`, `too_many_calls`, or any error of `write`. The listener is not called if `expect`
   *   throws
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
    // `write` closes the connection of a client that is too slow. The listener was then called by `end`, and is no longer
    // pending.
    if (this.#pending.delete(invocationId)) throw disconnected(this.#connectionId);
  }

  /** Removes a call whose caller no longer waits. A later answer of the client is ignored. */
  forget(invocationId: string): void {
    this.#pending.delete(invocationId);
  }

  /** Passes the client's answer to the caller. Returns false if no call with this id is pending. */
  settle(invocationId: string, outcome: CompletionOutcome): boolean {
    const listener = this.#pending.get(invocationId);
    if (listener === undefined) return false;
    this.#pending.delete(invocationId);
    listener.answered(outcome);
    return true;
  }

  /** Fails all pending calls with `disconnected`, because the connection has ended. Later calls fail with the same error. */
  end(): void {
    this.#isEnded = true;
    const listeners = [...this.#pending.values()];
    this.#pending.clear();
    for (const listener of listeners) listener.failed(disconnected(this.#connectionId));
  }
}

/** Creates the `answered` callback that settles a promise. An answer without a result resolves the promise with `undefined`. */
export function settleWith(
  resolve: (result: unknown) => void,
  reject: (error: Error) => void,
): AnswerListener['answered'] {
  return (outcome) => {
    if (outcome.kind === 'error') reject(new HubError(outcome.error));
    else resolve(outcome.kind === 'result' ? outcome.result : undefined);
  };
}
