/*
 * Received bytes between the transport and the read loop. Its bound is what turns a busy hub method into
 * back-pressure on the client's socket, rather than into memory.
 */

/** A chunk costs at least this much memory, however few bytes it holds. */
const CHUNK_OVERHEAD_BYTES = 128;

/** Separates the bytes of two network connections: a message that is unfinished before it will never be finished. */
export const INTERRUPTED = Symbol('interrupted');

/** One item for the reader; undefined at the end. */
export type Inbound = Buffer | typeof INTERRUPTED | undefined;

/**
 * Bounded by `limitBytes` plus the bytes that the transport had in flight when it was paused: at the limit the transport is paused,
 * at half of it resumed. One reader.
 */
export class InboundBuffer {
  readonly #limitBytes: number;
  readonly #pause: () => void;
  readonly #resume: () => void;
  #chunks: (Buffer | typeof INTERRUPTED)[] = [];
  #bufferedBytes = 0;
  #isPaused = false;
  #isEnded = false;
  #isDiscarded = false;
  #reader: ((chunk: Inbound) => void) | undefined;

  constructor(limitBytes: number, flow: { pause(): void; resume(): void }) {
    this.#limitBytes = limitBytes;
    this.#pause = () => flow.pause();
    this.#resume = () => flow.resume();
  }

  push(chunk: Buffer): void {
    this.#push(chunk, chunk.length);
  }

  /** Marks that the bytes that follow come over another network connection. */
  interrupt(): void {
    this.#push(INTERRUPTED, 0);
  }

  #push(chunk: Buffer | typeof INTERRUPTED, bytes: number): void {
    if (this.#isEnded) return;
    if (this.#reader !== undefined) {
      this.#answer(chunk);
      return;
    }
    this.#chunks.push(chunk);
    this.#bufferedBytes += bytes + CHUNK_OVERHEAD_BYTES;
    if (!this.#isPaused && this.#bufferedBytes >= this.#limitBytes) {
      this.#isPaused = true;
      this.#pause();
    }
  }

  /** The client sends no more; bytes that it sent before are still read. */
  end(): void {
    this.#isEnded = true;
    this.#answer(undefined);
  }

  /** True once the server has stopped reading, so that even messages it holds already must not take effect. */
  get isDiscarded(): boolean {
    return this.#isDiscarded;
  }

  /** The server reads no more; unread bytes are dropped. */
  discard(): void {
    this.#isDiscarded = true;
    this.#chunks = [];
    this.#bufferedBytes = 0;
    this.end();
  }

  /** The next chunk, or undefined after the end. */
  read(): Promise<Inbound> | Inbound {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#bufferedBytes -= (chunk === INTERRUPTED ? 0 : chunk.length) + CHUNK_OVERHEAD_BYTES;
      this.#resumeWhenLow();
      return chunk;
    }
    if (this.#isEnded) return undefined;
    return new Promise((resolve) => {
      this.#reader = resolve;
    });
  }

  #resumeWhenLow(): void {
    if (!this.#isPaused || this.#bufferedBytes > this.#limitBytes / 2) return;
    this.#isPaused = false;
    this.#resume();
  }

  #answer(chunk: Inbound): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.(chunk);
  }
}
