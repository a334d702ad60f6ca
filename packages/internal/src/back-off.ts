// The wait before a retry: exponential back-off with full jitter. Pure: the caller counts the attempts.

/** Bounds of the waits, in milliseconds. */
export interface BackOffOptions {
  /** Upper bound of the first wait. @defaultValue 50 */
  readonly baseMs?: number;
  /** Upper bound of every wait. @defaultValue 2000 */
  readonly maxMs?: number;
}

/**
 * Returns the wait before retry number `attempt` (0 is the first), in milliseconds. It is at least 1 ms, so that no loop spins. It
 * is random between 0 and `min(maxMs, baseMs * 2^attempt)`, so that processes that failed together do not retry together.
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 */
export function backOffDelayMs(
  attempt: number,
  options: BackOffOptions = {},
  random = Math.random(),
): number {
  const { baseMs = 50, maxMs = 2000 } = options;
  const ceilingMs = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
  return Math.max(1, Math.round(ceilingMs * random));
}
