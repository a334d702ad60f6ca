// The interface of a part of the benchmark. A part answers one question with one table.
import type { SideName } from '../systems/side.js';
import type { Sides } from '../systems/sides.js';
import type { Interval } from './statistics.js';

/** Options of the command line. `undefined` means the default of the part. */
export interface PartOptions {
  readonly pairs: number | undefined;
  readonly seconds: number | undefined;
  /** Number of connections, for the parts about idle connections and about resuming. */
  readonly connections: number | undefined;
  /** Sides (compared systems) to run instead of the part's default sides. */
  readonly sides: readonly SideName[] | undefined;
}

/**
 * The main figures of a part by name, for documents that quote these figures. The name of a figure contains
 * its unit.
 */
export interface PartSummary {
  /** Median of all rounds, by side and figure. */
  readonly figures: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Median ratio of a side to a base over the paired rounds, by side, figure and base. */
  readonly ratios: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Interval>>>>>>;
}

/** The result of a part. */
export interface PartResult {
  /** A table in Markdown. */
  readonly table: string;
  readonly summary: PartSummary;
  /** All rounds, with their histograms. */
  readonly raw: unknown;
}

/** A part of the benchmark. */
export interface BenchPart {
  readonly name: string;
  readonly title: string;
  run(sides: Sides, options: PartOptions): Promise<PartResult>;
}
