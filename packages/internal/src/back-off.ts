// How long to wait before trying again: exponential, with full jitter. Pure; the caller keeps the count.

/** Bounds of the waits, in milliseconds. */
export interface BackOffOptions {
  /** Upper bound of the first wait. @defaultValue 50 */
  readonly baseMs?: number;
  /** Upper bound of every wait. @defaultValue 2000 */
  readonly maxMs?: number;
}

/**
 * The wait before attempt number `attempt` (0 is the first repeat): evenly spread between 0 and
 * `min(maxMs, baseMs * 2^attempt)`, so that many clients that failed together do not return together. At least 1 ms,
 * so that no loop runs hot.
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
