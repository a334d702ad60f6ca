/*
 * The input of transports whose clients send by POST: bodies become bytes, one body after the other, and a busy hub stops the reading
 * of the current body.
 */
import type { IncomingMessage } from 'node:http';

/** The outcome of a body. `closed`: the connection ended before the whole body was read. */
export type PostOutcome = 'accepted' | 'closed' | 'client_aborted';

/**
 * Bodies are read one at a time in the order of their requests. Waiting bodies are not read at all, so they cost no memory besides
 * their sockets.
 */
export class PostedInput {
  #onBytes: ((bytes: Buffer) => void) | undefined;
  /** Resolves when the bodies before the next one are done. */
  #tail: Promise<unknown> = Promise.resolve();
  #isPaused = false;
  #isClosed = false;
  /** Called when reading may continue, or has ended. */
  #wake: (() => void) | undefined;

  /** Begins to deliver bytes. */
  start(onBytes: (bytes: Buffer) => void): void {
    this.#onBytes = onBytes;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wakeUp();
  }

  /** No more bytes are delivered. */
  close(): void {
    this.#isClosed = true;
    this.#wakeUp();
  }

  /** Reads one body to its end. Never rejects. */
  accept(request: IncomingMessage): Promise<PostOutcome> {
    const outcome = this.#tail.then(() => this.#read(request));
    this.#tail = outcome;
    return outcome;
  }

  async #read(request: IncomingMessage): Promise<PostOutcome> {
    try {
      // Leaving the loop early must not destroy the request, because its answer uses the same socket.
      for await (const chunk of request.iterator({ destroyOnReturn: false })) {
        await this.#untilReady();
        if (this.#isClosed) return 'closed';
        // A request without an encoding gives buffers.
        this.#onBytes?.(chunk as Buffer);
      }
    } catch {
      // The body is incomplete: the client is gone, or never meant to send all of it.
      return this.#isClosed ? 'closed' : 'client_aborted';
    }
    // Bytes that ended the connection themselves were accepted all the same.
    if (!this.#isPaused) return 'accepted';
    await this.#untilReady();
    return this.#isClosed ? 'closed' : 'accepted';
  }

  /** The answer waits too: a client sends its next body when it has the answer to this one. */
  async #untilReady(): Promise<void> {
    while (this.#isPaused && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  #wakeUp(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }
}
