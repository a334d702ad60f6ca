// All parts of a full run, in the order of their importance.
import type { BenchPart } from '../harness/bench-part.js';
import { highestRatePart } from './highest-rate-part.js';
import { latencyParts } from './latency-parts.js';

export const parts: readonly BenchPart[] = [...latencyParts, highestRatePart];
