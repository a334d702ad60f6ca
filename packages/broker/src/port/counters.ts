// The port for counts that several processes share. Counts expire.

/** An occurrence that is counted under a name. @beta */
export interface Occurrence {
  /** Name of the count. It may be any text. */
  readonly name: string;
  /** Time since the occurrence began, in milliseconds. */
  readonly ageMs: number;
  /** Milliseconds after the last counted occurrence at which the count is forgotten. */
  readonly keepMs: number;
}

/**
 * Counts by name. Each call is atomic and uses the clock of the store. The names that were counted within `keepMs` bound the
 * number of counts.
 * @beta
 */
export interface CounterStore {
  /**
   * Adds 1 to a count. Adds nothing for an occurrence that began before the previous one was counted. Therefore overlapping
   * occurrences count as one.
   *
   * @returns the count
   */
  count(occurrence: Occurrence): Promise<number>;

  /** Resolves to a count, or to 0 if nothing was counted or the count was forgotten. */
  read(name: string): Promise<number>;
}
