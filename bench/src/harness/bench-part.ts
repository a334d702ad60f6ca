// A part of the benchmark: one question, one table.

import type { SideName } from '../systems/side.js';
import type { Sides } from '../systems/sides.js';
import type { Interval } from './statistics.js';

/** What the command line says. `undefined`: the part's own default. */
export interface PartOptions {
  readonly pairs: number | undefined;
  readonly seconds: number | undefined;
  /** Of the parts with idle connections or a resume. */
  readonly connections: number | undefined;
  /** These sides instead of the part's own. */
  readonly sides: readonly SideName[] | undefined;
}

/** Figures by name, in the unit that the name says, for texts that are made from them. */
export interface PartSummary {
  /** By side and figure: the median of its rounds. */
  readonly figures: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** By side, figure and base: the ratio of paired rounds. */
  readonly ratios: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Interval>>>>>>;
}

/** What a part found. */
export interface PartResult {
  /** Markdown. */
  readonly table: string;
  readonly summary: PartSummary;
  /** All rounds, with their histograms. */
  readonly raw: unknown;
}

/** A part. */
export interface BenchPart {
  readonly name: string;
  readonly title: string;
  run(sides: Sides, options: PartOptions): Promise<PartResult>;
}
