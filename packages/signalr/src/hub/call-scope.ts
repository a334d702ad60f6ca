/* One running call of a client: the slot of the call, and a signal that is aborted when nobody wants the result any longer. */
import type { MessageHeaders } from '../protocol/hub-message.js';
import type { InvocationSlot } from './invocation-slots.js';

/**
 * The state of a running call. The abort controller is created on first use, because the signal of most calls
 * is never used.
 */
export class CallScope {
  /** Headers that the client put on the message. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** Called when the call is canceled. Code that waits for the next item of a stream sets it. */
  onCancel: (() => void) | undefined;
  /**
   * True if the client gave the call an id. Only such a call can be canceled alone. Any other one ends with its connection, as in
   * ASP.NET Core.
   */
  readonly hasId: boolean;
  readonly #slot: InvocationSlot | undefined;
  #controller: AbortController | undefined;
  #isCanceled = false;

  constructor(
    slot: InvocationSlot | undefined,
    {
      headers,
      invocationId,
    }: { readonly headers?: MessageHeaders | undefined; readonly invocationId?: string },
  ) {
    this.#slot = slot;
    this.headers = headers;
    this.hasId = invocationId !== undefined;
  }

  get isCanceled(): boolean {
    return this.#isCanceled;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isCanceled) this.#controller.abort();
    return this.#controller.signal;
  }

  cancel(): void {
    this.#isCanceled = true;
    this.#controller?.abort();
    this.onCancel?.();
  }

  /** Allows the client's next invocation to begin while this call waits for a client's answer. */
  releaseSlot(): void {
    this.#slot?.release();
  }
}
