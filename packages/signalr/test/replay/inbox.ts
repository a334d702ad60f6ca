/* Received messages that nobody has read yet. A reader can wait for the next message, with a time limit. */

/** A queue between the events of a socket and a test. Its size is limited by the test's conversation. */
export class Inbox<Item, End> {
  readonly #items: Item[] = [];
  readonly #waiting: (() => void)[] = [];
  #end: { readonly value: End } | undefined;

  push(item: Item): void {
    this.#items.push(item);
    this.#wake();
  }

  /** Ends the queue: no messages follow. Calls after the first one have no effect. */
  end(value: End): void {
    this.#end ??= { value };
    this.#wake();
  }

  /** Returns the next item. Rejects if no item arrives within the limit, or if the queue ends instead. */
  async next(limitMs: number): Promise<Item> {
    await this.#until(() => this.#items.length > 0 || this.#end !== undefined, limitMs, 'a message');
    const item = this.#items.shift();
    if (item === undefined) throw new Error(`ended instead: ${JSON.stringify(this.#end?.value)}`);
    return item;
  }

  /**
   * Waits for the end, and returns its value. Rejects if unread items are left, or if the end does not come within the limit.
   */
  async ended(limitMs: number): Promise<End> {
    await this.#until(() => this.#end !== undefined || this.#items.length > 0, limitMs, 'the end');
    if (this.#items.length > 0 || this.#end === undefined) {
      throw new Error(`another message instead of the end: ${JSON.stringify(this.#items[0])}`);
    }
    return this.#end.value;
  }

  async #until(isDone: () => boolean, limitMs: number, what: string): Promise<void> {
    const endMs = performance.now() + limitMs;
    while (!isDone()) {
      const leftMs = endMs - performance.now();
      if (leftMs <= 0) throw new Error(`waited ${limitMs} ms for ${what} in vain`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#waiting.push(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
