// The port for small counts that several processes share and that expire.

/** An occurrence to be counted under a name. */
export interface Occurrence {
  /** Any text. */
  readonly name: string;
  /** How long ago it began. */
  readonly ageMs: number;
  /** The count is forgotten so long after the last occurrence. */
  readonly keepMs: number;
}

/** Counts by name. All times are the store's; each step is atomic. Bounded by the names counted within `keepMs`. */
export interface CounterStore {
  /**
   * Counts one more, unless it began before the last one was counted: of occurrences at the same time only one counts.
   *
   * @returns the count
   */
  count(occurrence: Occurrence): Promise<number>;

  /** The count; 0 where nothing was counted, or it is forgotten. */
  read(name: string): Promise<number>;
}
