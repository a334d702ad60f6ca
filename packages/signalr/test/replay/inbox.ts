/*
 * Received messages that were not read yet, for a reader that waits with a limit.
 */

/** A queue between a socket's events and a test. Its bound is the test's own conversation. */
export class Inbox<Item, End> {
  readonly #items: Item[] = [];
  readonly #waiting: (() => void)[] = [];
  #end: { readonly value: End } | undefined;

  push(item: Item): void {
    this.#items.push(item);
    this.#wake();
  }

  /** Nothing comes after this. Only the first call counts. */
  end(value: End): void {
    this.#end ??= { value };
    this.#wake();
  }

  /** The next item. Rejects when there is none within the limit, or when the end came instead. */
  async next(limitMs: number): Promise<Item> {
    await this.#until(() => this.#items.length > 0 || this.#end !== undefined, limitMs, 'a message');
    const item = this.#items.shift();
    if (item === undefined) throw new Error(`ended instead: ${JSON.stringify(this.#end?.value)}`);
    return item;
  }

  /** The end. Rejects when it does not come within the limit, or when items are left. */
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
