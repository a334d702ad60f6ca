/* Handles each message of a client: runs methods, passes stream items to uploads, and passes answers to the waiting calls. */
import { buildErrorText } from '../connection/error-text.js';
import type { HubConnection } from '../connection/hub-connection.js';
import { HubError, SignalRError } from '../errors.js';
import type { SignalREventListener } from '../events.js';
import {
  type CompletionMessage,
  type HubMessage,
  type InvocationMessage,
  MessageType,
  type StreamInvocationMessage,
  type StreamItemMessage,
} from '../protocol/hub-message.js';
import { CallScope } from './call-scope.js';
import type { ConnectionCalls } from './connection-calls.js';
import { bigintRefused, containsBigint, refuseBigints } from './exact-integers.js';
import { methodKey } from './hub-definition.js';
import type { FilterChain } from './hub-filter.js';
import { Invocation, NOT_AUTHORIZED } from './invocation.js';
import type { InvocationSlot } from './invocation-slots.js';
import type { MethodEntry, MethodTable } from './method-table.js';
import { iteratorOf, pumpItems } from './stream-pump.js';
import { abandonUploads, beginUploads, isItemOf, type Uploads } from './uploads.js';

/** The part of the hub's record of a connection that the dispatcher needs. */
export interface ConnectionRecord {
  readonly calls: ConnectionCalls;
  /** Creates the context object of one call. */
  contextFor(scope: CallScope): unknown;
}

/** Constructor dependencies of {@link HubDispatcher}. */
export interface HubDispatcherDependencies {
  readonly methods: MethodTable;
  readonly filters: FilterChain;
  readonly onEvent: SignalREventListener;
  /** True if integers beyond ±(2^53 − 1) are passed on as bigints. Otherwise they are refused. */
  readonly acceptsBigints: boolean;
  recordOf(connection: HubConnection): ConnectionRecord;
}

/** A checked call, with everything that its method needs. */
interface BoundCall {
  readonly invocation: Invocation;
  readonly entry: MethodEntry;
  readonly args: readonly unknown[];
  readonly record: ConnectionRecord;
  readonly uploads: Uploads;
}

/** Handles the messages of all connections of one hub. It has no state. */
export class HubDispatcher {
  readonly #dependencies: HubDispatcherDependencies;

  constructor(dependencies: HubDispatcherDependencies) {
    this.#dependencies = dependencies;
  }

  /**
   * Handles one message. Returns a promise if there is no slot for the invocation, or no room for the stream item. Nothing
   * may be read from the connection before that promise resolves. Never rejects and never throws.
   *
   * The completion of a method is queued in the turn of the event loop in which the method ends. Only microtasks run in
   * between. Therefore no other task can send a message before the completion.
   */
  dispatch(connection: HubConnection, message: HubMessage): Promise<void> | undefined {
    const waitMs = connection.budget?.charge() ?? 0;
    if (waitMs > 0 && this.#isRefused(connection, message, waitMs)) return undefined;
    const calls = this.#callsOf(connection);
    if (!calls.hasReadAhead || this.#isPrepared(message)) return this.#handle(connection, message);
    // No message may overtake the calls that were read ahead.
    return calls.slots.take().then((slot) => {
      slot.end();
      return connection.inbound.isDiscarded ? undefined : this.#handle(connection, message);
    });
  }

  #isPrepared(message: HubMessage): boolean {
    if (message.type !== MessageType.invocation) return false;
    const entry = this.#dependencies.methods.get(methodKey(message.target));
    return entry?.prepare !== undefined && entry.uploads.length === 0;
  }

  #handle(connection: HubConnection, message: HubMessage): Promise<void> | undefined {
    switch (message.type) {
      case MessageType.invocation:
        return this.#invoke(connection, message);
      case MessageType.streamInvocation:
        return this.#stream(connection, message);
      case MessageType.streamItem:
        return this.#takeItem(connection, message);
      case MessageType.completion:
        return this.#takeCompletion(connection, message);
      case MessageType.cancelInvocation:
        // Nothing is left to cancel if the server has just ended the same stream.
        if (!this.#callsOf(connection).cancel(message.invocationId)) this.#ignore(connection, message);
        return undefined;
      case MessageType.ping:
        connection.expectPings();
        return undefined;
      case MessageType.close:
        closeForClient(connection, message.error);
        return undefined;
      case MessageType.ack:
      case MessageType.sequence:
        this.#ignore(connection, message);
        return undefined;
    }
    return exhausted(message);
  }

  /**
   * Refuses a message beyond the client's budget. Returns false for a message that only ends something or answers the server.
   * Such a message costs little, and refusing it would leave the client in a wrong state.
   */
  #isRefused(connection: HubConnection, message: HubMessage, waitMs: number): boolean {
    if (message.type === MessageType.invocation || message.type === MessageType.streamInvocation) {
      const { methods, onEvent } = this.#dependencies;
      const entry = methods.get(methodKey(message.target));
      new Invocation(connection, message, { entry, onEvent }).refuseOverBudget(waitMs);
      return true;
    }
    if (message.type !== MessageType.streamItem) return false;
    const error = new HubError('The client has sent too much, so that its stream has ended.');
    this.#callsOf(connection).completeUpload(message.invocationId, error);
    return true;
  }

  #callsOf(connection: HubConnection): ConnectionCalls {
    return this.#dependencies.recordOf(connection).calls;
  }

  #ignore(connection: HubConnection, message: HubMessage): void {
    this.#dependencies.onEvent({
      type: 'message_ignored',
      ...connection.identity,
      messageType: message.type,
    });
  }

  /**
   * Begins an invocation. A call with uploads takes no slot. If it did, the next invocation would wait for that slot and stop
   * the read loop, and the items of the uploads could not arrive.
   */
  #invoke(connection: HubConnection, message: InvocationMessage): Promise<void> | undefined {
    const call = this.#bind(connection, message, 'call');
    if (call === undefined) return undefined;
    if (call.uploads.size > 0) return this.#run(call, undefined);
    const { slots } = call.record.calls;
    const slot = slots.tryTake();
    if (slot !== undefined) return this.#run(call, slot);
    if (call.entry.prepare === undefined) return this.#runLater(call, slots.take());
    prepare(call);
    void this.#runLater(call, call.record.calls.takeSlotAhead());
    return call.record.calls.roomAhead();
  }

  /** Runs a call when it has its slot. */
  async #runLater(call: BoundCall, slot: Promise<InvocationSlot>): Promise<void> {
    const later = await slot;
    // The server may have stopped reading from this client in the meantime.
    if (call.invocation.connection.inbound.isDiscarded) later.end();
    else this.#run(call, later);
  }

  /** Finds the method, checks the call, and begins the uploads. Returns undefined if the call was refused. */
  #bind(
    connection: HubConnection,
    message: InvocationMessage | StreamInvocationMessage,
    kind: MethodEntry['kind'],
  ): BoundCall | undefined {
    const { methods, onEvent } = this.#dependencies;
    const entry = methods.get(methodKey(message.target));
    const invocation = new Invocation(connection, message, { entry, onEvent });
    if (entry === undefined) return invocation.refuseUnknown();
    let args: readonly unknown[];
    try {
      if (!this.#dependencies.acceptsBigints) refuseBigints(message.arguments);
      args = entry.parse(message.arguments);
    } catch (error) {
      return invocation.failArguments(error);
    }
    if (entry.kind !== kind) return invocation.refuseKind();
    const record = this.#dependencies.recordOf(connection);
    const uploads = beginUploads(invocation, entry, record.calls);
    return uploads === undefined ? undefined : { invocation, entry, args, record, uploads };
  }

  /** Runs the method. Completes the call at once, without a microtask, if the method returns no promise. */
  #run(call: BoundCall, slot: InvocationSlot | undefined): undefined {
    const { invocation, record } = call;
    const { invocationId } = invocation.message;
    const scope = new CallScope(slot, invocation.message);
    const end = (): void => {
      record.calls.endCancelable(invocationId, scope);
      abandonUploads(call.record.calls, call.uploads);
      slot?.end();
    };
    try {
      const result = this.#call(call, scope);
      if (isThenable(result)) {
        record.calls.beginCancelable(invocationId, scope);
        Promise.resolve(result)
          .then(
            (value) => invocation.complete(value),
            (error: unknown) => invocation.failThrown(error),
          )
          .finally(end);
        return;
      }
      invocation.complete(result);
    } catch (error) {
      invocation.failThrown(error);
    }
    end();
  }

  #stream(connection: HubConnection, message: StreamInvocationMessage): undefined {
    const call = this.#bind(connection, message, 'stream');
    if (call === undefined) return undefined;
    const { invocation, record } = call;
    if (record.calls.isFullOfStreams) {
      abandonUploads(call.record.calls, call.uploads);
      return invocation.failUploads('too_many_streams', 'The client has too many streams.');
    }
    const scope = new CallScope(undefined, message);
    if (!record.calls.beginStream(message.invocationId, scope)) {
      abandonUploads(call.record.calls, call.uploads);
      return invocation.refuseDuplicateId();
    }
    void this.#runStream(call, scope, message.invocationId);
    return undefined;
  }

  /** Runs a streaming method and sends its items. Never rejects. */
  async #runStream(call: BoundCall, scope: CallScope, invocationId: string): Promise<void> {
    const answer = await this.#streamItems(call, scope, invocationId);
    abandonUploads(call.record.calls, call.uploads);
    call.record.calls.endStream(invocationId);
    answer();
  }

  /** Sends the items. Returns the function that sends the stream's final answer. */
  async #streamItems(call: BoundCall, scope: CallScope, invocationId: string): Promise<() => void> {
    const { invocation } = call;
    let iterator: ReturnType<typeof iteratorOf>;
    try {
      iterator = iteratorOf(await this.#call(call, scope));
    } catch (error) {
      return () => invocation.failThrown(error);
    }
    if (iterator === undefined) return () => invocation.failNoStream();
    try {
      await pumpItems(invocation.connection, invocationId, { iterator, scope });
      return () => invocation.completeStream();
    } catch (error) {
      return () => invocation.failStream(error);
    }
  }

  /** Runs the method after its authorization, inside the filters. */
  #call(call: BoundCall, scope: CallScope): unknown {
    const { entry, args, uploads } = call;
    const context = call.record.contextFor(scope);
    const all = uploads.size === 0 ? args : [...args, ...uploads.values()];
    if (entry.authorize === undefined) return this.#callFiltered(entry, context, all, scope);
    const isAuthorized = entry.authorize(context, ...args);
    return whenAuthorized(isAuthorized, () => this.#callFiltered(entry, context, all, scope));
  }

  #callFiltered(entry: MethodEntry, context: unknown, args: readonly unknown[], scope: CallScope): unknown {
    if (!this.#dependencies.filters.hasInvoke) return entry.invoke(context, args);
    const invocation = { context, method: entry.name, arguments: args, headers: scope.headers ?? {} };
    return this.#dependencies.filters.invoke(invocation, () => entry.invoke(context, args));
  }

  #takeItem(connection: HubConnection, message: StreamItemMessage): Promise<void> | undefined {
    const calls = this.#callsOf(connection);
    const upload = calls.upload(message.invocationId);
    if (upload === undefined) {
      this.#ignore(connection, message);
      return undefined;
    }
    const isTooLarge = !this.#dependencies.acceptsBigints && containsBigint(message.item);
    if (!isTooLarge && isItemOf(upload, message.item)) return upload.stream.push(message.item);
    const cause = isTooLarge
      ? bigintRefused('An item of the stream')
      : new SignalRError('invalid_argument', 'An item of the stream is of the wrong type.');
    const isDetailed = connection.limits.enableDetailedErrors;
    calls.completeUpload(
      message.invocationId,
      new HubError(buildErrorText('Failed to bind Stream message.', cause, isDetailed)),
    );
    return undefined;
  }

  /** Ends an upload, or answers a call of the server. */
  #takeCompletion(connection: HubConnection, message: CompletionMessage): undefined {
    const { invocationId, outcome } = message;
    const error = outcome.kind === 'error' ? new HubError(outcome.error) : undefined;
    if (this.#callsOf(connection).completeUpload(invocationId, error)) return;
    const isTooLarge =
      !this.#dependencies.acceptsBigints && outcome.kind === 'result' && containsBigint(outcome.result);
    const settled = isTooLarge
      ? ({ kind: 'error', error: bigintRefused("The client's answer").message } as const)
      : outcome;
    if (!connection.settleResult(invocationId, settled)) this.#ignore(connection, message);
  }
}

/** Begins the work of a waiting call. */
function prepare({ entry, record, args, invocation }: BoundCall): void {
  const { headers } = invocation.message;
  try {
    entry.prepare?.(record.contextFor(new CallScope(undefined, { headers })), ...args);
  } catch {
    // The call runs in any case, and its own error is reported.
  }
}

async function whenAuthorized(
  isAuthorized: boolean | Promise<boolean>,
  call: () => unknown,
): Promise<unknown> {
  if (!(await isAuthorized)) throw NOT_AUTHORIZED;
  return call();
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}

/** Does not compile if a type of message is not handled. */
function exhausted(message: never): undefined {
  return message;
}

/**
 * Closes the connection of a client that sent a Close message, and sends a Close message back. The hub's `onDisconnected`
 * receives the error from the client's message.
 */
function closeForClient(connection: HubConnection, error: string | undefined): void {
  if (error === undefined) connection.close('client_closed');
  else connection.close('client_error', new SignalRError('client_error', error));
}
