/*
 * A stream that a client sends to a hub method: the read loop adds items, and the method reads them.
 */

type Taken = IteratorResult<unknown, undefined>;

interface Taker {
  resolve(taken: Taken): void;
  reject(error: Error): void;
}

/**
 * A stream with a bounded buffer and one reader. `push` returns a promise if the buffer is full. The connection's read loop
 * awaits this promise, and reads nothing from the client until there is room.
 * ```
 * open → completed (by the client, in order) → drained
 *   └──→ failed (by the client, or because the connection ended): waiting items are still read first
 *   └──→ abandoned (the method has ended): items are dropped
 * ```
 */
export class UploadStream implements AsyncIterable<unknown> {
  readonly #capacity: number;
  #items: unknown[] = [];
  #end: { readonly error: Error | undefined } | undefined;
  #isAbandoned = false;
  #isUnbounded = false;
  #taker: Taker | undefined;
  #onRoom: (() => void) | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Adds an item. If `push` returns a promise, the caller must await this promise before the next item. */
  push(item: unknown): Promise<void> | undefined {
    if (this.#isAbandoned || this.#end !== undefined) return undefined;
    if (this.#taker !== undefined) {
      const taker = this.#taker;
      this.#taker = undefined;
      taker.resolve({ done: false, value: item });
      return undefined;
    }
    this.#items.push(item);
    if (this.#items.length < this.#capacity || this.#isUnbounded) return undefined;
    return new Promise((resolve) => {
      this.#onRoom = resolve;
    });
  }

  /** Ends the stream, with an error if one is given. The reader first receives the waiting items, then the end or the error. */
  complete(error?: Error): void {
    this.#end ??= { error };
    const taker = this.#taker;
    if (taker === undefined) return;
    this.#taker = undefined;
    if (error === undefined) taker.resolve({ done: true, value: undefined });
    else taker.reject(error);
  }

  /** Drops all unread items, because the method has ended. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#items = [];
    this.#makeRoom();
    this.complete();
  }

  /**
   * Removes the limit of the buffer, because the client is gone. Only items that have already arrived can be added now. The
   * read loop need not wait for the reader.
   */
  stopWaiting(): void {
    this.#isUnbounded = true;
    this.#makeRoom();
  }

  [Symbol.asyncIterator](): AsyncIterator<unknown, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        this.abandon();
        return Promise.resolve({ done: true, value: undefined });
      },
    };
  }

  #next(): Promise<Taken> {
    if (this.#items.length > 0) {
      const value = this.#items.shift();
      if (this.#items.length < this.#capacity) this.#makeRoom();
      return Promise.resolve({ done: false, value });
    }
    if (this.#end?.error !== undefined && !this.#isAbandoned) return Promise.reject(this.#end.error);
    if (this.#end !== undefined) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => {
      this.#taker = { resolve, reject };
    });
  }

  #makeRoom(): void {
    const wake = this.#onRoom;
    this.#onRoom = undefined;
    wake?.();
  }
}
