/* The caller's side of a call between instances: this instance waits for an answer from a client of another instance. */
import { canceled, disconnected } from '../connection/call-errors.js';
import { type AnswerListener, settleWith } from '../connection/client-results.js';
import type { SignalRError } from '../errors.js';
import type { CompletionOutcome } from '../protocol/hub-message.js';

interface AwaitedCall extends AnswerListener {
  readonly connectionId: string;
  /** The instance that has called the client. Undefined until that instance is known. */
  owner: string | undefined;
  /** Removes the abort listener from the caller's signal. */
  release(): void;
}

/**
 * The calls of this instance that wait for an answer from a client of another instance. A call has these states:
 * ```
 * searching → called  an instance has called the client
 * searching → over    no instance has the client, the search failed, or the caller canceled
 * called → over       the client answered, the call failed, the caller canceled, or the instance is gone
 * ```
 * Two limits bound the number of calls: the maximum number of pending queries, and the maximum number of calls that wait for
 * one client.
 */
export class AwaitedCalls {
  readonly #calls = new Map<string, AwaitedCall>();

  has(id: string): boolean {
    return this.#calls.has(id);
  }

  /**
   * Registers a call. Resolves with the client's answer. Rejects with the error that `fail` receives, or with `canceled` when
   * the signal is aborted.
   * @param onCanceled called when the signal is aborted. Receives the instance that has called the client, if that instance
   *   is known
   */
  start(
    call: { readonly id: string; readonly connectionId: string },
    signal: AbortSignal | undefined,
    onCanceled: (owner: string | undefined) => void,
  ): Promise<unknown> {
    const { id, connectionId } = call;
    return new Promise((resolve, reject) => {
      const cancel = (): void => {
        const { owner } = this.#calls.get(id) ?? {};
        this.fail(id, canceled());
        onCanceled(owner);
      };
      signal?.addEventListener('abort', cancel, { once: true });
      this.#calls.set(id, {
        connectionId,
        owner: undefined,
        answered: settleWith(resolve, reject),
        failed: reject,
        release: () => signal?.removeEventListener('abort', cancel),
      });
    });
  }

  /** Stores which instance has called the client. Returns false if the call with this id has ended or never existed. */
  called(id: string, owner: string): boolean {
    const call = this.#calls.get(id);
    if (call !== undefined) call.owner = owner;
    return call !== undefined;
  }

  answer(id: string, outcome: CompletionOutcome): void {
    this.#take(id)?.answered(outcome);
  }

  fail(id: string, error: SignalRError): void {
    this.#take(id)?.failed(error);
  }

  /** Fails all calls to clients of an instance that no longer runs. */
  ownerGone(owner: string): void {
    for (const [id, call] of this.#calls) {
      if (call.owner === owner) this.fail(id, disconnected(call.connectionId));
    }
  }

  failAll(error: SignalRError): void {
    for (const id of this.#calls.keys()) this.fail(id, error);
  }

  /**
   * Returns the instance that has called the client. Returns undefined if there is no such call, or if the instance is not
   * known yet.
   */
  ownerOf(id: string): string | undefined {
    return this.#calls.get(id)?.owner;
  }

  /** Yields the id of each call that has reached its client, and the instance that has called the client. */
  *pairs(): Iterable<readonly [id: string, owner: string]> {
    for (const [id, { owner }] of this.#calls) if (owner !== undefined) yield [id, owner];
  }

  #take(id: string): AwaitedCall | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    call?.release();
    return call;
  }
}
