// A bar chart of the last delivery times.
import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { maxSamples } from '../../state/latency.js';

/** The chart. `label` describes it for screen readers. */
export function LatencyChart({
  samplesMs,
  label,
}: {
  readonly samplesMs: readonly number[];
  readonly label: string;
}) {
  const holder = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const scheme = useComputedColorScheme('light', { getInitialValueInEffect: false });

  useEffect(() => {
    const element = holder.current;
    if (element === null) return undefined;
    const plot = new uPlot(
      optionsFor(element, getComputedStyle(element).getPropertyValue('--accent')),
      [[], []],
      element,
    );
    chart.current = plot;
    return () => plot.destroy();
    // The effect depends on the scheme, because the scheme determines the colours of the chart.
    // oxlint-disable-next-line react-hooks/exhaustive-deps
  }, [scheme]);

  useEffect(() => {
    const first = maxSamples - samplesMs.length;
    chart.current?.setData([samplesMs.map((_, index) => first + index), [...samplesMs]]);
  }, [samplesMs, scheme]);

  return <div className="latency-chart" ref={holder} role="img" aria-label={label} />;
}

/** One bar per event, the newest at the right. */
const bars = uPlot.paths.bars?.({ size: [0.7, 3], radius: 0.3 });

function optionsFor(
  { clientWidth: width, clientHeight: height }: HTMLElement,
  colour: string,
): uPlot.Options {
  return {
    width,
    height,
    padding: [3, 2, 2, 2],
    cursor: { show: false },
    legend: { show: false },
    select: { show: false, left: 0, top: 0, width: 0, height: 0 },
    axes: [{ show: false }, { show: false }],
    scales: {
      x: { time: false, range: [-0.5, maxSamples - 0.5] },
      // The axis starts at 0 and ends at 8 ms or higher, so that small differences look small.
      y: { range: (_chart, _min, max) => [0, Math.max(8, max * 1.1)] },
    },
    series: [
      {},
      {
        stroke: colour,
        fill: colour,
        width: 0,
        ...(bars === undefined ? {} : { paths: bars }),
        points: { show: false },
      },
    ],
  };
}
