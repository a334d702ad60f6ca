// A map that finds its oldest entry in constant time.

/**
 * A map that keeps its entries in the order in which they were set, and finds the first one in constant time. A plain `Map`
 * scans the places of deleted entries for its first entry. After 300,000 added and deleted entries, each such search took 10
 * to 70 µs.
 * @internal
 */
export class OldestFirstMap<Key, Value> {
  readonly #map = new Map<Key, Value>();
  /** Iterator over the map, just behind the oldest entry. It never returns to places that it has passed. */
  #walk: IterableIterator<[Key, Value]> | undefined;
  #oldest: readonly [Key, Value] | undefined;

  get size(): number {
    return this.#map.size;
  }

  get(key: Key): Value | undefined {
    return this.#map.get(key);
  }

  /** Sets a value. The entry becomes the newest, even if the key existed before. */
  set(key: Key, value: Value): void {
    const { size } = this.#map;
    this.#map.set(key, value);
    if (this.#map.size > size) return;
    // `Map.set` keeps the place of an existing key. Deleting the key first moves the key to the end.
    this.delete(key);
    this.#map.set(key, value);
  }

  delete(key: Key): boolean {
    if (this.#oldest?.[0] === key) this.#oldest = undefined;
    return this.#map.delete(key);
  }

  /** Returns the entry that was set longest ago, or `undefined` if the map is empty. */
  oldest(): readonly [Key, Value] | undefined {
    if (this.#oldest !== undefined || this.#map.size === 0) return this.#oldest;
    let step = this.#walk?.next();
    if (step === undefined || step.done === true) {
      this.#walk = this.#map.entries();
      step = this.#walk.next();
    }
    this.#oldest = step.done === true ? undefined : step.value;
    return this.#oldest;
  }

  /** Returns all values, the oldest first. */
  values(): Iterable<Value> {
    return this.#map.values();
  }
}
