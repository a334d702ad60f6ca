// Statistics of paired rounds: medians, and an interval that makes no assumption about the distribution.

/** Returns the p-th percentile (0–100) of the values, by the nearest rank. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = Math.max(0, Math.ceil((p / 100) * sorted.length) - 1);
  return sorted[rank] ?? Number.NaN;
}

/** Returns the middle value, or the mean of the two middle values if the number of values is even. */
export function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const at = sorted.length >> 1;
  const upper = sorted[at] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[at - 1] ?? Number.NaN) + upper) / 2;
}

/** A median, and an interval that contains it. */
export interface Interval {
  readonly median: number;
  readonly low: number;
  readonly high: number;
  /**
   * The probability that the true median lies between `low` and `high`. The probability is below 0.95 for
   * fewer than six values.
   */
  readonly coverage: number;
}

/**
 * Returns the median with its 95 % interval by order statistics. The interval goes from the k-th lowest to the k-th highest
 * value. k is the largest for which the coverage, by the binomial distribution, is at least 95 %. The interval is exact for
 * any distribution. With 8 values, it goes from the lowest to the highest (99.2 %). With 9 values, it goes from the second
 * lowest to the second highest (96.1 %).
 */
export function medianInterval(values: readonly number[]): Interval {
  const sorted = [...Float64Array.from(values).sort()];
  const count = sorted.length;
  // The probability that fewer than k values lie below the true median. The loop begins with k = 1, where no
  // value lies below the median.
  let below = 0.5 ** count;
  let k = 1;
  let coverage = 1 - 2 * below;
  for (let term = below, next = 1; next < count / 2; next += 1) {
    term *= (count - next + 1) / next;
    below += term;
    if (1 - 2 * below < 0.95) break;
    k = next + 1;
    coverage = 1 - 2 * below;
  }
  return {
    median: median(sorted),
    low: sorted[k - 1] ?? Number.NaN,
    high: sorted[count - k] ?? Number.NaN,
    coverage: Math.max(0, coverage),
  };
}

/** Returns the ratios of rounds with the same index, as median and interval. Leaves out a round that lacks a value. */
export function pairedRatio(values: readonly number[], bases: readonly number[]): Interval {
  const ratios = values.map((value, round) => value / (bases[round] ?? Number.NaN));
  return medianInterval(ratios.filter(Number.isFinite));
}

/** Returns slope and offset of the least-squares line: `y = offset + slope · x`. */
export function lineThrough(points: readonly (readonly [x: number, y: number])[]): {
  readonly offset: number;
  readonly slope: number;
} {
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return { offset: meanY - (over / under) * meanX, slope: over / under };
}

/** Formats values as `median [lowest–highest]`. */
export function spread(values: readonly number[]): string {
  const round = (value: number) => value.toFixed(2);
  return `${round(percentile(values, 50))} [${round(Math.min(...values))}–${round(Math.max(...values))}]`;
}
