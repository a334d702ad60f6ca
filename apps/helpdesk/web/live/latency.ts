// The delivery times of the last events. Pure functions.

/** Maximum number of samples. The oldest samples are dropped first. */
export const maxSamples = 40;

/** The last delivery times, and figures about them. */
export interface Latency {
  /** The samples, oldest first. */
  readonly samplesMs: readonly number[];
  /** The median of the samples, or `undefined` without samples. */
  readonly medianMs: number | undefined;
  readonly p95Ms: number | undefined;
}

/** The figures before the first event. */
export const noLatency: Latency = { samplesMs: [], medianMs: undefined, p95Ms: undefined };

/** Adds a sample. */
export function withSample(latency: Latency, sampleMs: number): Latency {
  const samplesMs = [...latency.samplesMs, sampleMs].slice(-maxSamples);
  const sorted = samplesMs.toSorted((a, b) => a - b);
  return { samplesMs, medianMs: quantile(sorted, 0.5), p95Ms: quantile(sorted, 0.95) };
}

function quantile(sorted: readonly number[], share: number): number | undefined {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}
