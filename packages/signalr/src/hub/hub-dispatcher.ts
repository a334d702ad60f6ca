/*
 * What each message of a client does. The texts of failures are those of ASP.NET Core.
 * Streaming and client results are not there yet: what asks for them is refused in words, or reported.
 */
import { buildErrorText, toError } from '../connection/error-text.js';
import type { HubConnection } from '../connection/hub-connection.js';
import { HubError, SignalRError } from '../errors.js';
import type { InvocationFailure, SignalREventListener } from '../events.js';
import {
  type CompletionOutcome,
  type HubMessage,
  type InvocationMessage,
  MessageType,
  type StreamInvocationMessage,
} from '../protocol/hub-message.js';
import { methodKey } from './hub-definition.js';
import type { MethodEntry, MethodTable } from './method-table.js';

/** Finds the context object of a connection. */
export type ContextOf = (connection: HubConnection) => unknown;

/** Acts on the messages of all connections of one hub. Has no state of its own. */
export class HubDispatcher {
  readonly #methods: MethodTable;
  readonly #contextOf: ContextOf;
  readonly #onEvent: SignalREventListener;

  constructor(methods: MethodTable, contextOf: ContextOf, onEvent: SignalREventListener) {
    this.#methods = methods;
    this.#contextOf = contextOf;
    this.#onEvent = onEvent;
  }

  /**
   * Undefined when the message is done already. Never rejects, never throws.
   *
   * The completion is queued in the same turn of the event loop in which the method returned or its promise
   * settled: only microtasks lie between, so no other task can send in between.
   */
  dispatch(connection: HubConnection, message: HubMessage): Promise<void> | undefined {
    switch (message.type) {
      case MessageType.invocation:
        return this.#invoke(connection, message);
      case MessageType.streamInvocation:
        this.#refuseStream(connection, message);
        return undefined;
      case MessageType.ping:
        connection.expectPings();
        return undefined;
      case MessageType.close:
        closeForClient(connection, message.error);
        return undefined;
      // Nothing of these is under way: no stream, no client result, no stateful reconnect. A late one is
      // legitimate in the original too, so it is reported and has no effect.
      case MessageType.streamItem:
      case MessageType.completion:
      case MessageType.cancelInvocation:
      case MessageType.ack:
      case MessageType.sequence:
        this.#onEvent({ type: 'message_ignored', ...connection.identity, messageType: message.type });
        return undefined;
    }
    return exhausted(message);
  }

  #invoke(connection: HubConnection, message: InvocationMessage): Promise<void> | undefined {
    const entry = this.#methods.get(methodKey(message.target));
    const call = new Invocation(connection, message, entry, this.#onEvent);
    if (entry === undefined) return call.refuseUnknown();
    const streams = message.streamIds?.length ?? 0;
    if (streams > 0) {
      const error = new HubError(`Client sent ${streams} stream(s), Hub method expects 0.`);
      return call.fail('streaming_not_supported', thrownText(entry.name), error);
    }
    let args: readonly unknown[];
    try {
      args = entry.parse(message.arguments);
    } catch (error) {
      return call.fail('invalid_arguments', bindingText(entry.name), error);
    }
    return runMethod(call, () => entry.invoke(this.#contextOf(connection), args));
  }

  #refuseStream(connection: HubConnection, message: StreamInvocationMessage): void {
    const entry = this.#methods.get(methodKey(message.target));
    const call = new Invocation(connection, message, entry, this.#onEvent);
    if (entry === undefined) {
      call.refuseUnknown();
      return;
    }
    call.refuse(
      'streaming_not_supported',
      `The client attempted to invoke the non-streaming '${entry.name}' method with a streaming invocation.`,
    );
  }
}

/** A method that returns no promise is completed at once, without even a microtask. */
function runMethod(call: Invocation, invoke: () => unknown): Promise<void> | undefined {
  try {
    const result = invoke();
    if (!isThenable(result)) return call.complete(result);
    return Promise.resolve(result).then(
      (value) => call.complete(value),
      (error: unknown) => call.failThrown(error),
    );
  } catch (error) {
    return call.failThrown(error);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** The compiler's proof that every message type has its case. */
function exhausted(message: never): undefined {
  return message;
}

/** A client that closes with a message is answered with one; an error in it is the hub's to know. */
function closeForClient(connection: HubConnection, error: string | undefined): void {
  if (error === undefined) connection.close('client_closed');
  else connection.close('client_error', new SignalRError('client_error', error));
}

function thrownText(target: string): string {
  return `An unexpected error occurred invoking '${target}' on the server.`;
}

function bindingText(target: string): string {
  return `Failed to invoke '${target}' due to an error on the server.`;
}

/** One call and the ways it can end. Without an invocation id the caller wants no answer and gets none. */
class Invocation {
  readonly #connection: HubConnection;
  readonly #message: InvocationMessage | StreamInvocationMessage;
  readonly #entry: MethodEntry | undefined;
  readonly #onEvent: SignalREventListener;

  constructor(
    connection: HubConnection,
    message: InvocationMessage | StreamInvocationMessage,
    entry: MethodEntry | undefined,
    onEvent: SignalREventListener,
  ) {
    this.#connection = connection;
    this.#message = message;
    this.#entry = entry;
    this.#onEvent = onEvent;
  }

  /** Texts name the method as it is declared; only what does not exist is named as the client did. */
  get #name(): string {
    return this.#entry?.name ?? this.#message.target;
  }

  /** A method without a result answers null, as .NET does. */
  complete(result: unknown): undefined {
    try {
      this.#answer({ kind: 'result', result: result ?? null });
    } catch (error) {
      this.fail('unserializable_result', thrownText(this.#name), error);
    }
  }

  failThrown(error: unknown): undefined {
    this.fail('method_threw', thrownText(this.#name), error);
  }

  fail(failure: InvocationFailure, text: string, error: unknown): undefined {
    const isDetailed = this.#connection.limits.enableDetailedErrors;
    this.#answer({ kind: 'error', error: buildErrorText(text, error, isDetailed) });
    this.#report(failure, toError(error));
  }

  refuseUnknown(): undefined {
    const error = new HubError('Method does not exist.');
    this.#answer({ kind: 'error', error: buildErrorText(bindingText(this.#name), error, false) });
    this.#report('unknown_method', undefined);
  }

  refuse(failure: InvocationFailure, text: string): undefined {
    this.#answer({ kind: 'error', error: text });
    this.#report(failure, undefined);
  }

  #answer(outcome: CompletionOutcome): void {
    const { invocationId } = this.#message;
    if (invocationId === undefined) return;
    this.#connection.write({ type: MessageType.completion, invocationId, outcome });
  }

  #report(failure: InvocationFailure, error: Error | undefined): void {
    const method = this.#entry?.name ?? null;
    this.#onEvent({ type: 'invocation_failed', ...this.#connection.identity, method, failure, error });
  }
}
