/*
 * The test of each feature of the matrix, for Node and for browsers.
 */
import type { FeatureName, Lane } from './cells.js';
import * as admission from './features/admission.js';
import * as calls from './features/calls.js';
import * as data from './features/data.js';
import * as life from './features/life.js';
import * as streams from './features/streams.js';
import { Lab, type Runtime } from './lab.js';

/** One function per feature. The file does not compile if a feature has no function. */
const features: Readonly<Record<FeatureName, (lab: Lab) => Promise<void>>> = {
  ...calls,
  ...data,
  ...streams,
  ...admission,
  ...life,
};

/** Tests one feature with one transport and protocol. Rejects if the feature does not work. */
export async function tryFeature(runtime: Runtime, lane: Lane, feature: FeatureName): Promise<void> {
  const lab = new Lab(runtime, lane);
  try {
    await features[feature](lab);
  } finally {
    await lab.dispose();
  }
}
