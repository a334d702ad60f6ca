/*
 * Calls of the server on one client that wait for the client's answer.
 */
import { HubError, SignalRError } from '../errors.js';
import type { CompletionOutcome } from '../protocol/hub-message.js';

/** More answers than this are not awaited from one client at a time. */
const MAXIMUM_PENDING = 1_000;

interface Pending {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/**
 * Ids are `s1`, `s2`, … per connection. Bounded: beyond 1,000 pending answers a call is refused.
 * Answers of other connections never get here, because each connection has its own.
 */
export class ClientResults {
  readonly #connectionId: string;
  readonly #pending = new Map<string, Pending>();
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
    if (this.#pending.size >= MAXIMUM_PENDING) {
      throw new SignalRError('too_many_calls', 'Too many calls wait for the answer of this client.');
    }
    this.#lastId += 1;
    const invocationId = `s${this.#lastId}`;
    let onAbort: (() => void) | undefined;
    try {
      return await new Promise((resolve, reject) => {
        this.#pending.set(invocationId, { resolve, reject });
        onAbort = () => reject(canceled());
        signal?.addEventListener('abort', onAbort, { once: true });
        if (this.#isEnded || !write(invocationId)) reject(this.#disconnected());
      });
    } finally {
      this.#pending.delete(invocationId);
      if (onAbort !== undefined) signal?.removeEventListener('abort', onAbort);
    }
  }

  /** False when no call waits for this answer (any more). */
  settle(invocationId: string, outcome: CompletionOutcome): boolean {
    const pending = this.#pending.get(invocationId);
    if (pending === undefined) return false;
    if (outcome.kind === 'error') pending.reject(new HubError(outcome.error));
    else pending.resolve(outcome.kind === 'result' ? outcome.result : undefined);
    return true;
  }

  /** The connection is over: nobody will answer. */
  end(): void {
    this.#isEnded = true;
    for (const pending of this.#pending.values()) pending.reject(this.#disconnected());
  }

  #disconnected(): SignalRError {
    return new SignalRError('disconnected', `Connection '${this.#connectionId}' disconnected.`);
  }
}

function canceled(): SignalRError {
  return new SignalRError('canceled', 'Invocation canceled by the server.');
}
