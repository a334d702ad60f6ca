/*
 * Calls on clients of other instances that wait for the client's answer: the side of the caller.
 */
import { canceled, disconnected } from '../connection/call-errors.js';
import { type AnswerListener, settleWith } from '../connection/client-results.js';
import type { SignalRError } from '../errors.js';
import type { CompletionOutcome } from '../protocol/hub-message.js';

interface AwaitedCall extends AnswerListener {
  readonly connectionId: string;
  /** The instance that has called the client; undefined while that instance is being searched for. */
  owner: string | undefined;
  /** Removes the listener from the caller's signal. */
  release(): void;
}

/**
 * ```
 * searching ── its instance has called the client ─▶ called ── answered, failed ─▶ over
 *     └── no instance has it, canceled, too late ─────────┴── canceled, its instance is gone
 * ```
 * Bounded by the number of pending queries and by the answers that one client may owe its instance.
 */
export class AwaitedCalls {
  readonly #calls = new Map<string, AwaitedCall>();

  has(id: string): boolean {
    return this.#calls.has(id);
  }

  /**
   * Resolves with the client's answer. Rejects as the call is ended, and with `canceled` when the signal is aborted.
   * @param onCanceled receives the instance that has called the client, where that is known
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

  /** An instance has called the client. False when no call waits for its answer any more. */
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

  /** An instance is gone, and its clients with it. */
  ownerGone(owner: string): void {
    for (const [id, call] of this.#calls) {
      if (call.owner === owner) this.fail(id, disconnected(call.connectionId));
    }
  }

  failAll(error: SignalRError): void {
    for (const id of this.#calls.keys()) this.fail(id, error);
  }

  /** The instance that has called the client. */
  ownerOf(id: string): string | undefined {
    return this.#calls.get(id)?.owner;
  }

  /** Pairs of a call and the instance that has called the client. */
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
