/*
 * The input of transports whose clients send by POST. Bodies are read one after the other. Reading stops while the hub is
 * busy.
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
 * Reads the bodies of POST requests one at a time, in the order of the requests. A waiting body is not read, so it takes no
 * memory besides its socket.
 */
export class PostedInput {
  readonly #formats: readonly TransferFormat[];
  #listener: MessageListener | undefined;
  /** Resolves when all bodies so far have been read. */
  #tail: Promise<unknown> = Promise.resolve();
  #isPaused = false;
  #isClosed = false;
  /** Wakes the reader when reading may continue or has ended. */
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
      // The request must survive an early end of the loop, because its answer uses the same socket.
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

  /** Returns the format of a body. A body without a content type is binary, if the transport carries binary. */
  #formatOf({ headers }: IncomingMessage): TransferFormat {
    const isText = !this.#formats.includes('binary') || /^\s*text\//i.test(headers['content-type'] ?? '');
    return isText ? 'text' : 'binary';
  }

  /**
   * Waits until reading may continue. The answer to the POST waits, too. Therefore the client does not send its next body
   * before.
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
