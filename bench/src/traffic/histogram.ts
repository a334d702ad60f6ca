// Records latencies in an HdrHistogram, with three significant digits from 100 ns to two minutes. The size of
// the histogram does not depend on the number of latencies.
import {
  build,
  decodeFromCompressedBase64,
  encodeIntoCompressedBase64,
  type Histogram,
} from 'hdr-histogram-js';

export type { Histogram };

const highestNs = 120e9;

export function createHistogram(): Histogram {
  return build({
    bitBucketSize: 32,
    lowestDiscernibleValue: 100,
    highestTrackableValue: highestNs,
    numberOfSignificantValueDigits: 3,
  });
}

/**
 * Records one duration. A duration outside the range is recorded at the end of the range, so that the count
 * stays correct.
 */
export function recordNs(histogram: Histogram, durationNs: number): void {
  histogram.recordValue(durationNs < 0 ? 0 : durationNs > highestNs ? highestNs : durationNs);
}

/** Returns the standard compressed text form (V2), which every HdrHistogram library can read. */
export function encodeHistogram(histogram: Histogram): string {
  return encodeIntoCompressedBase64(histogram);
}

export function decodeHistogram(text: string): Histogram {
  return decodeFromCompressedBase64(text, 32);
}

/** Returns a percentile in milliseconds, or NaN if nothing was recorded. */
export function percentileMs(histogram: Histogram, p: number): number {
  return histogram.totalCount === 0 ? Number.NaN : histogram.getValueAtPercentile(p) / 1e6;
}
