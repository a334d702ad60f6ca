/*
 * Buffers received bytes between the transport and the read loop. A limit keeps the memory from growing: while a busy hub
 * method leaves the buffer full, the transport does not read from the client's socket (backpressure).
 */
import type { Transport } from '../transports/transport.js';

/**
 * Memory that every chunk needs besides its bytes. It counts towards the limit, because many small chunks take more memory
 * than their bytes.
 */
const CHUNK_OVERHEAD_BYTES = 128;

/**
 * Marks the end of one network connection and the beginning of the next. A message that is incomplete at this mark is never
 * completed.
 */
export const INTERRUPTED = Symbol('interrupted');

/** The result of {@link InboundBuffer.next} when nothing has arrived. The reader is called later. */
export const WAITING = Symbol('waiting');

/** One item for the reader. Undefined marks the end of the bytes. */
export type Inbound = Buffer | typeof INTERRUPTED | undefined;

/** A reader that waits for the next item. */
export interface InboundReader {
  onInbound(item: Inbound): void;
}

/**
 * A buffer for one reader. The transport is paused when the buffer reaches `limitBytes`, and resumed at half of that size.
 * Bytes that were already on their way are still accepted.
 */
export class InboundBuffer {
  readonly #limitBytes: number;
  readonly #transport: Pick<Transport, 'pauseReading' | 'resumeReading'>;
  /** The unread items. Absent while there are none, because most connections are idle most of the time. */
  #chunks: (Buffer | typeof INTERRUPTED)[] | undefined;
  #bufferedBytes = 0;
  #isPaused = false;
  #isEnded = false;
  #isDiscarded = false;
  #reader: InboundReader | undefined;

  constructor(limitBytes: number, transport: Pick<Transport, 'pauseReading' | 'resumeReading'>) {
    this.#limitBytes = limitBytes;
    this.#transport = transport;
  }

  push(chunk: Buffer): void {
    this.#push(chunk, chunk.length);
  }

  /** Marks that the following bytes come over another network connection. */
  interrupt(): void {
    this.#push(INTERRUPTED, 0);
  }

  #push(chunk: Buffer | typeof INTERRUPTED, bytes: number): void {
    if (this.#isEnded) return;
    if (this.#reader !== undefined) {
      this.#answer(chunk);
      return;
    }
    this.#chunks ??= [];
    this.#chunks.push(chunk);
    this.#bufferedBytes += bytes + CHUNK_OVERHEAD_BYTES;
    if (!this.#isPaused && this.#bufferedBytes >= this.#limitBytes) {
      this.#isPaused = true;
      this.#transport.pauseReading();
    }
  }

  /** Ends the input, because the client sends no more bytes. Bytes that arrived earlier can still be read. */
  end(): void {
    this.#isEnded = true;
    this.#answer(undefined);
  }

  /** True while the transport does not read, because too many bytes wait. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** True after {@link InboundBuffer.discard}. Messages that were received before must then have no effect. */
  get isDiscarded(): boolean {
    return this.#isDiscarded;
  }

  /** Drops all unread bytes and ends the input, because the server will not read them. */
  discard(): void {
    this.#isDiscarded = true;
    this.#chunks = undefined;
    this.#bufferedBytes = 0;
    this.end();
  }

  /**
   * Returns the next item, or undefined after the end. If nothing has arrived, returns {@link WAITING}. The reader then
   * receives the next item when it arrives.
   */
  next(reader: InboundReader): Inbound | typeof WAITING {
    const chunk = this.#chunks?.shift();
    if (chunk !== undefined) {
      if (this.#chunks?.length === 0) this.#chunks = undefined;
      this.#bufferedBytes -= (chunk === INTERRUPTED ? 0 : chunk.length) + CHUNK_OVERHEAD_BYTES;
      this.#resumeWhenLow();
      return chunk;
    }
    if (this.#isEnded) return undefined;
    this.#reader = reader;
    return WAITING;
  }

  /** Resolves to the next item, or to undefined after the end. */
  read(): Promise<Inbound> {
    return new Promise((resolve) => {
      const item = this.next({ onInbound: resolve });
      if (item !== WAITING) resolve(item);
    });
  }

  #resumeWhenLow(): void {
    if (!this.#isPaused || this.#bufferedBytes > this.#limitBytes / 2) return;
    this.#isPaused = false;
    this.#transport.resumeReading();
  }

  #answer(chunk: Inbound): void {
    const reader = this.#reader;
    this.#reader = undefined;
    reader?.onInbound(chunk);
  }
}
