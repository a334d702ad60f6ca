// Texts in large buffers outside the JavaScript heap: a million small texts cost the garbage collector nothing.

/** Where a text lies. Valid as long as somebody holds it. */
export interface TextReference {
  readonly slab: Buffer;
  readonly start: number;
  readonly end: number;
}

const slabBytes = 1_048_576;

/**
 * Appends texts to slabs. A slab is freed when no reference to it is left, so texts that are dropped in about the order
 * in which they came free their memory in that order.
 */
export class ByteArena {
  #slab = Buffer.alloc(0);
  #used = 0;

  /** Copies a text in and returns where it lies. */
  append(text: string): TextReference {
    const bytes = Buffer.byteLength(text);
    if (this.#used + bytes > this.#slab.length) {
      this.#slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, bytes));
      this.#used = 0;
    }
    const start = this.#used;
    this.#slab.write(text, start);
    this.#used += bytes;
    return { slab: this.#slab, start, end: this.#used };
  }
}

/** The text itself. */
export function readText({ slab, start, end }: TextReference): string {
  return slab.toString('utf8', start, end);
}
