// A part of the benchmark: one question, one table.
import type { SideName } from '../systems/side.js';
import type { Sides } from '../systems/sides.js';
import type { Interval } from './statistics.js';

/** Options of the command line. `undefined`: the part's own default. */
export interface PartOptions {
  readonly pairs: number | undefined;
  readonly seconds: number | undefined;
  /** Number of connections, for the parts with idle connections or a resume. */
  readonly connections: number | undefined;
  /** These sides instead of the part's own. */
  readonly sides: readonly SideName[] | undefined;
}

/** Figures by name, in the unit that the name says, for texts that are made from them. */
export interface PartSummary {
  /** Median of the rounds, by side and figure. */
  readonly figures: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Ratio of paired rounds, by side, figure and base. */
  readonly ratios: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Interval>>>>>>;
}

/** Result of a part. */
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
