// All parts of a full run, the most important first.
import type { BenchPart } from '../harness/bench-part.js';
import { gatewaysPart } from './gateways-part.js';
import { growthParts } from './growth-parts.js';
import { highestRatePart } from './highest-rate-part.js';
import { idlePart } from './idle-part.js';
import { latencyParts } from './latency-parts.js';
import { resumePart } from './resume-part.js';
import { steadyPart } from './steady-part.js';

const named = (...names: readonly string[]): readonly BenchPart[] =>
  names.flatMap((name) => latencyParts.filter((part) => part.name === name));

export const parts: readonly BenchPart[] = [
  ...named('s1', 's2'),
  highestRatePart,
  ...named('s3', 's9', 'sse', 'cpu'),
  gatewaysPart,
  idlePart,
  resumePart,
  ...named('s8'),
  ...named('s1-official', 's2-official'),
  steadyPart,
  ...growthParts,
];
