/*
 * The input of transports whose clients send by POST. Bodies are read one after the other. While the hub is
 * busy, reading stops.
 */
import type { IncomingMessage } from 'node:http';
import type { TransferFormat } from '../protocol/hub-protocol.js';
import type { TransportListener } from './transport.js';

/** The part of a transport's listener that receives messages. */
type MessageListener = Pick<TransportListener, 'onBytes' | 'onMessageEnd' | 'onMessageAborted'>;

/**
 * The outcome of one body. `closed`: the connection ended before the whole body was read. `client_aborted`: the client did not send
 * the whole body.
 */
export type PostOutcome = 'accepted' | 'closed' | 'client_aborted';

/**
 * Reads the bodies of POST requests, one at a time and in the order of the requests. Waiting bodies are not read at all, so they
 * cost no memory besides their sockets.
 */
export class PostedInput {
  readonly #formats: readonly TransferFormat[];
  #listener: MessageListener | undefined;
  /** Resolves when all bodies so far have been read. */
  #tail: Promise<unknown> = Promise.resolve();
  #isPaused = false;
  #isClosed = false;
  /** Wakes the reader, because reading may continue or has ended. */
  #wake: (() => void) | undefined;

  /** @param formats the formats that the transport carries */
  constructor(formats: readonly TransferFormat[]) {
    this.#formats = formats;
  }

  /** Begins to deliver bytes. Each body is one message. */
  start(listener: MessageListener): void {
    this.#listener = listener;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wakeUp();
  }

  /** Stops the delivery of bytes. */
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
        // A request without `setEncoding` yields buffers.
        this.#listener?.onBytes(chunk as Buffer);
      }
    } catch {
      // The body is incomplete: the client is gone, or stopped sending.
      this.#listener?.onMessageAborted?.();
      return this.#isClosed ? 'closed' : 'client_aborted';
    }
    if (!this.#isClosed) this.#listener?.onMessageEnd?.(this.#formatOf(request));
    // The body counts as accepted even if its bytes have ended the connection.
    if (!this.#isPaused) return 'accepted';
    await this.#untilReady();
    return this.#isClosed ? 'closed' : 'accepted';
  }

  /** Returns the format of a body. Without a content type it is binary, if the transport carries binary. */
  #formatOf({ headers }: IncomingMessage): TransferFormat {
    const isText = !this.#formats.includes('binary') || /^\s*text\//i.test(headers['content-type'] ?? '');
    return isText ? 'text' : 'binary';
  }

  /**
   * Waits until reading may continue. The answer to the POST also waits, because the client sends its next body after that answer.
   */
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
