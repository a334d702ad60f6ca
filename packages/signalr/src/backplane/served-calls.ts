/* The client's side of a call between instances: another instance waits for an answer from a client of this instance. */
import { notReady } from '../connection/call-errors.js';
import type { HubConnection } from '../connection/hub-connection.js';
import { SignalRError } from '../errors.js';
import { type CompletionOutcome, MessageType } from '../protocol/hub-message.js';
import type { SharedMessage } from '../protocol/serialized-hub-message.js';

/** A call that another instance makes to a client of this instance. */
export interface ServedCall {
  readonly id: string;
  /** The instance that waits for the answer. */
  readonly origin: string;
  readonly connection: HubConnection;
}

/** Receives the outcome of a call. */
export interface ServedCallListener {
  /** @param bytes the client's completion, encoded in the hub protocol with the name `protocol` */
  onAnswered(call: ServedCall, protocol: string, bytes: Uint8Array): void;
  onFailed(call: ServedCall, error: SignalRError): void;
}

/**
 * The calls that other instances make to clients of this instance. Their number is bounded, because the number of calls that
 * wait for one client is bounded.
 */
export class ServedCalls {
  readonly #listener: ServedCallListener;
  readonly #calls = new Map<string, ServedCall>();

  constructor(listener: ServedCallListener) {
    this.#listener = listener;
  }

  has(id: string): boolean {
    return this.#calls.has(id);
  }

  /**
   * Calls the client. A call that is already running is not repeated.
   * @throws SignalRError `not_ready`, `disconnected`, `too_many_calls`. In these cases the listener is not called
   */
  begin(call: ServedCall, message: SharedMessage): void {
    const { id, connection } = call;
    if (this.#calls.has(id)) return;
    if (!connection.isReading) throw notReady();
    this.#calls.set(id, call);
    try {
      connection.results.expect(id, () => connection.send(message), {
        answered: (outcome) => this.#answer(call, outcome),
        failed: (error) => this.#fail(call, error),
      });
    } catch (error) {
      this.#calls.delete(id);
      throw error;
    }
  }

  /** Forgets a call, because the origin no longer waits for the answer. A later answer is ignored. */
  cancel(id: string, origin: string): void {
    const call = this.#calls.get(id);
    if (call?.origin !== origin) return;
    this.#calls.delete(id);
    call.connection.results.forget(id);
  }

  /** Forgets all calls of an instance that is gone, because this instance no longer waits for answers. */
  originGone(origin: string): void {
    for (const { id } of this.#calls.values()) this.cancel(id, origin);
  }

  /** Yields the id of each call, together with the instance that waits for the answer. */
  *pairs(): Iterable<readonly [id: string, origin: string]> {
    for (const [id, { origin }] of this.#calls) yield [id, origin];
  }

  #answer(call: ServedCall, outcome: CompletionOutcome): void {
    this.#calls.delete(call.id);
    const { protocol } = call.connection;
    // The protocol is known, because a client that has answered has completed its handshake.
    if (protocol === undefined) return;
    let bytes: Uint8Array;
    try {
      bytes = protocol.write({ type: MessageType.completion, invocationId: call.id, outcome });
    } catch (error) {
      const cause = { cause: error };
      const failure = new SignalRError('unserializable', 'The answer cannot be passed on.', cause);
      return this.#listener.onFailed(call, failure);
    }
    this.#listener.onAnswered(call, protocol.name, bytes);
  }

  #fail(call: ServedCall, error: SignalRError): void {
    this.#calls.delete(call.id);
    this.#listener.onFailed(call, error);
  }
}
