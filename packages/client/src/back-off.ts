// How long to wait before trying again. Pure.

/** Bounds of {@link backOffMs}. */
export interface BackOffRule {
  /** Upper bound of the first wait. */
  readonly baseMs: number;
  /** Upper bound of every wait. */
  readonly maxMs: number;
}

/**
 * A random wait between 0 and a bound that doubles with each failure. All of it is random ("full jitter"): when a
 * gateway restarts, its clients come back spread over the whole span, not in waves.
 *
 * @param failures failures in a row; 0 for the first try after something that worked
 * @param random a number from 0 up to, not including, 1
 */
export function backOffMs(rule: BackOffRule, failures: number, random: () => number): number {
  // The exponent is bounded so that the power stays a finite number.
  return random() * Math.min(rule.maxMs, rule.baseMs * 2 ** Math.min(failures, 30));
}
