// Finds the largest of many items whose sizes change all the time: a binary heap.

/** An item of a {@link LargestFirst}. */
export interface Sized {
  readonly bytes: number;
  /** Index in the heap. Only the heap writes it. */
  heapIndex: number;
}

/** A heap of items by size. Each change takes a number of steps that grows with the logarithm of the number of items. */
export class LargestFirst<Item extends Sized> {
  readonly #heap: Item[] = [];

  /** Returns the largest item, or `undefined` if there is none. */
  get largest(): Item | undefined {
    return this.#heap[0];
  }

  add(item: Item): void {
    this.#heap.push(item);
    this.#rise(item, this.#heap.length - 1);
  }

  delete(item: Item): void {
    const last = this.#heap.pop();
    if (last === undefined || last === item) return;
    this.#place(last, item.heapIndex);
    this.resized(last);
  }

  /** Must be called after the size of an item has changed. */
  resized(item: Item): void {
    this.#rise(item, item.heapIndex);
    this.#sink(item, item.heapIndex);
  }

  #rise(item: Item, from: number): void {
    let index = from;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#heap[parentIndex];
      if (parent === undefined || parent.bytes >= item.bytes) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(item, index);
  }

  #sink(item: Item, from: number): void {
    let index = from;
    for (let child = this.#largerChild(index); child !== undefined; child = this.#largerChild(index)) {
      if (child.bytes <= item.bytes) break;
      const childIndex = child.heapIndex;
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(item, index);
  }

  #largerChild(index: number): Item | undefined {
    const left = this.#heap[2 * index + 1];
    const right = this.#heap[2 * index + 2];
    return right !== undefined && left !== undefined && right.bytes > left.bytes ? right : left;
  }

  #place(item: Item, index: number): void {
    this.#heap[index] = item;
    item.heapIndex = index;
  }
}
