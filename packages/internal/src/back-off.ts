// The wait before another attempt: exponential, with full jitter. Pure; the caller counts the attempts.

/** Bounds of the waits, in milliseconds. */
export interface BackOffOptions {
  /** Upper bound of the first wait. @defaultValue 50 */
  readonly baseMs?: number;
  /** Upper bound of every wait. @defaultValue 2000 */
  readonly maxMs?: number;
}

/**
 * The wait before repeat number `attempt` (0 is the first): random between 0 and `min(maxMs, baseMs * 2^attempt)`, so that many
 * processes that failed together do not return together. It is at least 1 ms, so that no loop runs hot.
 * @param random a number from 0 up to, not including, 1
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
