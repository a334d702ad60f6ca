// The delivery times that the page shows.
import { expect, test } from 'vitest';
import { maxSamples, noLatency, withSample } from '../web/live/latency.js';

test('the delivery figures cover only the last events', () => {
  let latency = noLatency;
  for (let sample = 1; sample <= maxSamples + 10; sample++) latency = withSample(latency, sample);
  expect(latency.samplesMs).toHaveLength(maxSamples);
  expect(latency.samplesMs[0]).toBe(11);
  expect(latency.medianMs).toBe(31);
  expect(latency.p95Ms).toBe(49);
});
