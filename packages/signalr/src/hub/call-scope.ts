/*
 * One call of a client while it runs: its slot, and the signal that is aborted when its result is no longer wanted.
 */
import type { InvocationSlot } from './invocation-slots.js';

/** Costs two fields until the signal is used. */
export class CallScope {
  /** Headers that the client put on the message. */
  readonly headers: Readonly<Record<string, string>> | undefined;
  /** Called when the call is canceled; for the code that waits for its next item. */
  onCancel: (() => void) | undefined;
  readonly #slot: InvocationSlot | undefined;
  #controller: AbortController | undefined;
  #isCanceled = false;

  constructor(slot: InvocationSlot | undefined, headers: Readonly<Record<string, string>> | undefined) {
    this.#slot = slot;
    this.headers = headers;
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

  /** Allows the client's next invocation to begin, because this one waits for a client. */
  releaseSlot(): void {
    this.#slot?.release();
  }
}
