/*
 * One call of a client and its possible answers. The texts of failures are those of ASP.NET Core.
 */
import { toError } from '@millrace/internal';
import { buildErrorText } from '../connection/error-text.js';
import type { HubConnection } from '../connection/hub-connection.js';
import { HubError } from '../errors.js';
import type { InvocationFailure, SignalREventListener } from '../events.js';
import {
  type CompletionOutcome,
  type InvocationMessage,
  MessageType,
  type StreamInvocationMessage,
} from '../protocol/hub-message.js';
import type { MethodEntry } from './method-table.js';

/** The error that is thrown inside the dispatcher when a method's `authorize` returned false. */
export const NOT_AUTHORIZED = new HubError('The user is not authorized.');

/** A call of a client, with one method for each possible answer. A call without an invocation id gets no answer. */
export class Invocation {
  readonly connection: HubConnection;
  readonly message: InvocationMessage | StreamInvocationMessage;
  readonly #entry: MethodEntry | undefined;
  readonly #onEvent: SignalREventListener;

  constructor(
    connection: HubConnection,
    message: InvocationMessage | StreamInvocationMessage,
    dependencies: { readonly entry: MethodEntry | undefined; readonly onEvent: SignalREventListener },
  ) {
    this.connection = connection;
    this.message = message;
    this.#entry = dependencies.entry;
    this.#onEvent = dependencies.onEvent;
  }

  /** Answers with the method's result. A method without a result answers null, as in .NET. */
  complete(result: unknown): undefined {
    try {
      this.#answer({ kind: 'result', result: result ?? null });
    } catch (error) {
      this.#fail('unserializable_result', this.#thrownText, error);
    }
  }

  /** Answers that the stream has ended. */
  completeStream(): undefined {
    this.#answer({ kind: 'void' });
  }

  failThrown(error: unknown): undefined {
    if (error === NOT_AUTHORIZED) {
      const text = `Failed to invoke '${this.#name}' because user is unauthorized`;
      return this.#refuse('unauthorized', text);
    }
    return this.#fail('method_threw', this.#thrownText, error);
  }

  failArguments(error: unknown): undefined {
    return this.#fail('invalid_arguments', this.#bindingText, error);
  }

  failStream(error: unknown): undefined {
    return this.#fail('stream_failed', 'An error occurred on the server while streaming results.', error);
  }

  /** Answers that the result of the streaming method is not iterable. */
  failNoStream(): undefined {
    const text = `The value returned by the streaming method '${this.#name}' is not a ChannelReader<> or IAsyncEnumerable<>.`;
    return this.#refuse('stream_failed', text);
  }

  failUploads(failure: 'wrong_uploads' | 'too_many_streams' | 'duplicate_id', reason: string): undefined {
    return this.#fail(failure, this.#thrownText, new HubError(reason));
  }

  /** Answers that the client's budget is used up for now. The client recognises the last words as a request to try again. */
  refuseOverBudget(waitMs: number): undefined {
    const reason = `You have sent too much. The next call is accepted in ${Math.ceil(waitMs)} ms. Try again later.`;
    return this.#refuse('rate_limited', buildErrorText(this.#thrownText, new HubError(reason), false));
  }

  refuseUnknown(): undefined {
    const error = new HubError('Method does not exist.');
    return this.#refuse('unknown_method', buildErrorText(this.#bindingText, error, false));
  }

  refuseDuplicateId(): undefined {
    const { invocationId } = this.message;
    return this.#refuse('duplicate_id', `Invocation ID '${invocationId}' is already in use.`);
  }

  refuseKind(): undefined {
    const isStream = this.#entry?.kind === 'stream';
    const [declared, invoked] = isStream ? ['streaming', 'non-streaming'] : ['non-streaming', 'streaming'];
    const text = `The client attempted to invoke the ${declared} '${this.#name}' method with a ${invoked} invocation.`;
    return this.#refuse('wrong_kind', text);
  }

  /** The name of the method in error texts: the declared name, or the name that the client sent if there is no such method. */
  get #name(): string {
    return this.#entry?.name ?? this.message.target;
  }

  get #thrownText(): string {
    return `An unexpected error occurred invoking '${this.#name}' on the server.`;
  }

  get #bindingText(): string {
    return `Failed to invoke '${this.#name}' due to an error on the server.`;
  }

  #fail(failure: InvocationFailure, text: string, thrown: unknown): undefined {
    const isDetailed = this.connection.limits.enableDetailedErrors;
    const error = toError(thrown);
    this.#answer({ kind: 'error', error: buildErrorText(text, error, isDetailed) });
    this.#report(failure, error);
  }

  #refuse(failure: InvocationFailure, text: string): undefined {
    this.#answer({ kind: 'error', error: text });
    this.#report(failure, undefined);
  }

  #answer(outcome: CompletionOutcome): void {
    const { invocationId } = this.message;
    if (invocationId === undefined) return;
    this.connection.write({ type: MessageType.completion, invocationId, outcome });
  }

  #report(failure: InvocationFailure, error: Error | undefined): void {
    const method = this.#entry?.name ?? null;
    this.#onEvent({ type: 'invocation_failed', ...this.connection.identity, method, failure, error });
  }
}
