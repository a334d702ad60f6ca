/*
 * A stream that a client sends to a hub method: items go in from the read loop, the method takes them out.
 */

type Taken = IteratorResult<unknown, undefined>;

interface Taker {
  resolve(taken: Taken): void;
  reject(error: Error): void;
}

/**
 * ```
 * open → completed (by the client, in order) → drained
 *   └──→ failed (by the client, or because the connection ended): what waits is still taken first
 *   └──→ abandoned (the method has ended): items are dropped
 * ```
 * Bounded by its capacity: `push` answers with a promise when the buffer is full, and the read loop of the
 * connection waits for it, which stops reading from the client. One reader.
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

  /** Adds an item. Wait for the promise, when there is one, before adding more. */
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

  /** No more items. With an error the reader gets it after the items that came before. */
  complete(error?: Error): void {
    this.#end ??= { error };
    const taker = this.#taker;
    if (taker === undefined) return;
    this.#taker = undefined;
    if (error === undefined) taker.resolve({ done: true, value: undefined });
    else taker.reject(error);
  }

  /** The method has ended: what it did not read is dropped. */
  abandon(): void {
    this.#isAbandoned = true;
    this.#items = [];
    this.#makeRoom();
    this.complete();
  }

  /** The client is gone: nothing more can come than what was received already, so nobody needs to wait. */
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
