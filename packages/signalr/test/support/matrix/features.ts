/*
 * The test of each feature of the matrix, in Node and in browsers alike.
 */
import type { FeatureName, Lane } from './cells.js';
import * as admission from './features/admission.js';
import * as calls from './features/calls.js';
import * as data from './features/data.js';
import * as life from './features/life.js';
import * as streams from './features/streams.js';
import { Lab, type Runtime } from './lab.js';

/** One function per feature; a feature without one does not compile. */
const features: Readonly<Record<FeatureName, (lab: Lab) => Promise<void>>> = {
  ...calls,
  ...data,
  ...streams,
  ...admission,
  ...life,
};

/** Tries one feature over one lane; rejects when anything is not as it should be. */
export async function tryFeature(runtime: Runtime, lane: Lane, feature: FeatureName): Promise<void> {
  const lab = new Lab(runtime, lane);
  try {
    await features[feature](lab);
  } finally {
    await lab.dispose();
  }
}
