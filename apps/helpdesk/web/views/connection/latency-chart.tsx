// A bar chart of the last delivery times.
import { maxSamples } from '../../live/latency.js';

/** Height of the chart, in its own units. */
const height = 40;

/** One bar per event, the newest at the right. `label` describes the chart for screen readers. */
export function LatencyChart(props: { readonly samplesMs: readonly number[]; readonly label: string }) {
  const { samplesMs, label } = props;
  const first = maxSamples - samplesMs.length;
  // The axis starts at 0 and ends at 8 ms or higher, so that small differences look small.
  const topMs = Math.max(8, ...samplesMs);
  const bars = samplesMs.map((ms, index) => {
    const barHeight = Math.max(1, (Math.max(0, ms) / topMs) * height);
    return `M${first + index + 0.15} ${height}v${-barHeight}h.7v${barHeight}z`;
  });
  return (
    <svg
      className="latency-chart"
      viewBox={`0 0 ${maxSamples} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path d={bars.join('')} />
    </svg>
  );
}
