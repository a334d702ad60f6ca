// The delay before a retry: exponential back-off with full jitter. Pure: the caller counts the attempts.

/** Bounds of the delays, in milliseconds. @internal */
export interface BackOffOptions {
  /** Maximum delay before the first retry. @defaultValue 50 */
  readonly baseMs?: number;
  /** Maximum delay before any retry. @defaultValue 2000 */
  readonly maxMs?: number;
}

/**
 * Returns the delay in milliseconds before retry number `attempt` (0 is the first). The delay is a random number up to
 * `min(maxMs, baseMs * 2^attempt)`, so that processes that failed together do not retry together. The minimum is 1 ms, so
 * that a loop of retries always pauses.
 * @param random a number from 0 (inclusive) to 1 (exclusive)
 * @internal
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
