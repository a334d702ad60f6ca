// Tables of paired rounds: medians, ratios with their intervals, and warnings about the figures.
import type { Side, SideName } from '../systems/side.js';
import type { Sides } from '../systems/sides.js';
import type { PartOptions, PartSummary } from './bench-part.js';
import type { Failure, Rounds } from './pairs.js';
import type { Role, Round } from './round.js';
import { type Interval, median, medianInterval, pairedRatio } from './statistics.js';

/** A function that reads a figure from the result of a round. */
export type Figure<Result> = (result: Result) => number;

/** Returns the figure of each round, or NaN if the round failed. */
function column<Result>(rounds: Rounds<Result>, side: SideName, figure: Figure<Result>): readonly number[] {
  return (rounds.get(side) ?? []).map((result) => (result === undefined ? Number.NaN : figure(result)));
}

/** Returns the median of a figure over the rounds that did not fail. */
export function medianOf<Result>(rounds: Rounds<Result>, side: SideName, figure: Figure<Result>): number {
  return median(column(rounds, side, figure).filter(Number.isFinite));
}

/** Returns the ratio of a figure of one side to that of another side, calculated round by round. */
export function ratioOf<Result>(
  rounds: Rounds<Result>,
  [side, base]: readonly [SideName, SideName],
  figure: Figure<Result>,
): Interval {
  return pairedRatio(column(rounds, side, figure), column(rounds, base, figure));
}

/** Formats a ratio as `1.31 [1.22–1.40]`, or as a dash if there is no ratio. */
export function ratioCell({ median: middle, low, high }: Interval): string {
  if (Number.isNaN(middle)) return '–';
  return `${middle.toFixed(2)} [${low.toFixed(2)}–${high.toFixed(2)}]`;
}

/** Formats a figure. A larger figure has fewer decimals. */
export function number(value: number): string {
  if (Number.isNaN(value)) return '–';
  if (value >= 1_000) return Math.round(value).toLocaleString('en');
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** Returns the raw rounds of all sides for the result file. */
export function rawOf<Result>(sides: readonly Side[], rounds: Rounds<Result>): unknown {
  return Object.fromEntries(sides.map(({ name, hash }) => [name, { hash, rounds: rounds.get(name) }]));
}

/** Returns the medians and paired ratios by side, for documents that quote them. */
export function summaryOf<Result>(
  sides: readonly Side[],
  bases: readonly SideName[],
  rounds: Rounds<Result>,
  figures: Readonly<Record<string, Figure<Result>>>,
): PartSummary {
  const byFigure = <Value>(value: (figure: Figure<Result>) => Value): Record<string, Value> =>
    Object.fromEntries(Object.entries(figures).map(([name, figure]) => [name, value(figure)]));
  const ratiosOf = (name: SideName, figure: Figure<Result>): Record<string, Interval> =>
    Object.fromEntries(bases.map((base) => [base, ratioOf(rounds, [name, base], figure)]));
  return {
    figures: Object.fromEntries(
      sides.map(({ name }) => [name, byFigure((figure) => medianOf(rounds, name, figure))]),
    ),
    ratios: Object.fromEntries(sides.map(({ name }) => [name, byFigure((figure) => ratiosOf(name, figure))])),
  };
}

/**
 * Returns the sides to run: the requested sides or, by default, the sides of the part. Also returns the sides
 * that this machine cannot run.
 */
export async function sidesFor(
  sides: Sides,
  names: readonly SideName[],
  options: PartOptions,
): Promise<{ readonly running: readonly Side[]; readonly missing: readonly string[] }> {
  const wanted = options.sides ?? names;
  return { running: await sides.get(wanted), missing: sides.missing(wanted) };
}

/** Returns the bases that run in this part. */
export function basesIn<Name extends SideName>(
  bases: readonly Name[],
  running: readonly Side[],
): readonly Name[] {
  return bases.filter((base) => running.some(({ name }) => name === base));
}

/** Returns one line for each failed round. */
export function failureLines(failures: readonly Failure[]): readonly string[] {
  return failures.map(({ side, round, reason }) => `${side}, round ${round + 1}, failed: ${reason}`);
}

/** Returns a Markdown table. The first column names the row. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/**
 * CPU time per event of one role, CPU time per event of all roles together (publisher, gateway and Redis), and CPU time per
 * delivery of the gateway.
 */
export const cpuOf = {
  role:
    (role: Role): Figure<Round> =>
    ({ cpuUsPerEvent }) =>
      cpuUsPerEvent[role],
  event: ({ cpuUsPerEvent: { publisher, gateway, redis } }: Round): number => publisher + gateway + redis,
  delivery: ({ cpuUsPerEvent: { gateway }, expected, sent }: Round): number => (gateway * sent) / expected,
};

/** Maximum number of Redis commands in a table cell. The result file of the part contains all commands. */
const maxCommands = 3;

/**
 * Formats the number of Redis calls per event, then the commands that took the most time. Each command has its calls per
 * event and its microseconds per call: `2.10: xadd 1.00 × 2.1, …`.
 */
export function redisCell(rounds: Rounds<Round>, side: SideName): string {
  const totals = new Map<string, { calls: number; us: number }>();
  let events = 0;
  for (const round of rounds.get(side) ?? []) {
    if (round === undefined) continue;
    events += round.sent;
    for (const [name, { calls, us }] of Object.entries(round.redis)) {
      const total = totals.get(name) ?? { calls: 0, us: 0 };
      totals.set(name, { calls: total.calls + calls, us: total.us + us });
    }
  }
  if (totals.size === 0) return '–';
  const calls = [...totals.values()].reduce((sum, total) => sum + total.calls, 0);
  const dearest = [...totals].sort(([, a], [, b]) => b.us - a.us).slice(0, maxCommands);
  const texts = dearest.map(
    ([name, total]) =>
      `${name} ${(total.calls / events).toFixed(2)} × ${(total.us / total.calls).toFixed(1)}`,
  );
  return `${(calls / events).toFixed(2)}: ${texts.join(', ')}`;
}

/**
 * Limits beyond which a figure is doubtful. The first is the minimum share of the ordered rate that the load generator must
 * reach. The second is the generator's maximum lateness, as a share of the measured latency.
 */
const minMadeShare = 0.97;
const maxLateShare = { p50: 0.25, p99: 0.5 } as const;

const count = (value: number): string => Math.round(value).toLocaleString('en');

/** Returns all reasons to doubt the figures: losses, repeats, failures, a generator that was too slow. */
export function warnings(
  sides: readonly Side[],
  found: { readonly rounds: Rounds<Round>; readonly failures: readonly Failure[] },
  eventsPerSecond: number,
): readonly string[] {
  const lines: string[] = [];
  for (const { name } of sides) {
    const rounds = (found.rounds.get(name) ?? []).filter((round) => round !== undefined);
    const sum = (figure: Figure<Round>): number => rounds.reduce((total, round) => total + figure(round), 0);
    const lost = sum(({ expected, received }) => Math.max(0, expected - received));
    if (lost > 0)
      lines.push(`**${name} lost ${count(lost)} of ${count(sum(({ expected }) => expected))} deliveries**`);
    const twice = sum(({ expected, received }) => Math.max(0, received - expected));
    if (twice > 0) lines.push(`${name} delivered ${count(twice)} more than was due`);
    const failed = sum((round) => round.failed);
    if (failed > 0)
      lines.push(
        `${name}: ${count(failed)} publishes failed (${rounds.find((round) => round.failed > 0)?.firstFailure})`,
      );
    const disordered = sum(({ outOfOrder }) => outOfOrder);
    if (disordered > 0) lines.push(`${name}: ${count(disordered)} deliveries out of order`);
    const closed = sum((round) => round.closed);
    if (closed > 0) lines.push(`${name}: ${count(closed)} connections ended`);
    const starved = rounds.filter(
      ({ madePerSecond, lateP50Ms, p50Ms }) =>
        madePerSecond < eventsPerSecond * minMadeShare || lateP50Ms > p50Ms * maxLateShare.p50,
    );
    if (starved.length > 0)
      lines.push(
        `${name}: the generator was starved in ${starved.length} of ${rounds.length} rounds ` +
          `(late by ${number(median(starved.map(({ lateP50Ms }) => lateP50Ms)))} ms at p50, ` +
          `${number(median(starved.map(({ madePerSecond }) => madePerSecond)))} of ${number(eventsPerSecond)} events/s)`,
      );
    const late = rounds.filter(({ lateP99Ms, p99Ms }) => lateP99Ms > p99Ms * maxLateShare.p99);
    if (late.length > 0)
      lines.push(
        `${name}: p99 is mostly the generator's own lateness in ${late.length} of ${rounds.length} rounds`,
      );
  }
  lines.push(...failureLines(found.failures));
  return lines;
}

/** Returns a sentence with the number of pairs and the coverage of the interval. */
export function intervalSentence(pairs: number): string {
  const { coverage } = medianInterval(Array.from({ length: pairs }, (_, index) => index));
  const worth =
    coverage < 0.95
      ? `**${(coverage * 100).toFixed(0)} % only: too few pairs**`
      : `${(coverage * 100).toFixed(1)} %`;
  return `${pairs} paired rounds, the order reversed every second time. Figures are medians of the rounds; ratios are taken round by round: median [interval by order statistics, ${worth}].`;
}

/** Returns the last lines below a table: the warnings, the sides that did not run, and the hashes of the sides. */
export function footnotes(
  sides: readonly Side[],
  lines: readonly string[],
  missing: readonly string[],
  clean = 'Nothing was lost, repeated or reordered, and the generator kept its time.',
): readonly string[] {
  return [
    lines.length === 0 ? clean : `${lines.join('; ')}.`,
    ...(missing.length === 0 ? [] : [`Not run: ${missing.join('; ')}.`]),
    `Files of the sides, or commit of Millrace: ${sides.map(({ name, hash }) => `${name} \`${hash}\``).join(', ')}.`,
  ];
}
