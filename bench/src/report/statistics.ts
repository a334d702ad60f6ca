// The few statistics the benchmarks print.

/** The p-th percentile (0–100) of the values, nearest rank. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = Float64Array.from(values).sort();
  const rank = Math.max(0, Math.ceil((p / 100) * sorted.length) - 1);
  return sorted[rank] ?? Number.NaN;
}

/** Three significant digits are more than these machines can tell. */
export function milliseconds(value: number): string {
  return `${value.toFixed(2)} ms`;
}

/** `median [lowest–highest]`. */
export function spread(values: readonly number[]): string {
  const round = (value: number) => value.toFixed(2);
  return `${round(percentile(values, 50))} [${round(Math.min(...values))}–${round(Math.max(...values))}]`;
}
