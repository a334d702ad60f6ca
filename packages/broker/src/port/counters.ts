// The port for counts that several processes share. Counts expire.

/** An occurrence that is counted under a name. */
export interface Occurrence {
  /** Name of the count. It may be any text. */
  readonly name: string;
  /** Time since the occurrence began, in milliseconds. */
  readonly ageMs: number;
  /** Time after the last counted occurrence at which the count is forgotten, in milliseconds. */
  readonly keepMs: number;
}

/**
 * Counts by name. Each call is atomic and uses the clock of the store. The number of counts is bounded by the names that were
 * counted within `keepMs`.
 */
export interface CounterStore {
  /**
   * Adds 1 to a count. An occurrence that began before the previous occurrence was counted adds nothing.
   * Therefore overlapping occurrences count as one.
   *
   * @returns the count
   */
  count(occurrence: Occurrence): Promise<number>;

  /** Resolves to a count, or to 0 if nothing was counted or the count is forgotten. */
  read(name: string): Promise<number>;
}
