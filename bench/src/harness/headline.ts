// Writes the README's sentence about speed from the summary of the last run. Nobody types the figures.
import { number } from './report.js';
import type { Interval } from './statistics.js';

type Figures = Readonly<Record<string, Readonly<Record<string, number>>>>;
type Ratios = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Interval>>>>>>;

/** The entry of one part of the benchmark in `docs/performance/summary.json`. */
export interface SummaryPart {
  readonly machine: string;
  readonly figures: Figures;
  readonly ratios: Ratios;
}

/** The contents of `docs/performance/summary.json`, by part. */
export type Summary = Readonly<Record<string, SummaryPart>>;

/** The systems with which Millrace is compared (the bases), with their names in the sentence. */
const bases = {
  floor: 'a hand-written floor',
  'socket-io': 'Socket.IO',
  'aspnet-stream': 'ASP.NET Core',
} as const;

/** Returns the median ratios of Millrace to the bases, for example ` (1.20 × a hand-written floor, 0.90 × Socket.IO)`. */
function comparison(part: SummaryPart, figure: string): string {
  const ratios = Object.entries(bases)
    .flatMap(([base, name]) => {
      const ratio = part.ratios['millrace']?.[figure]?.[base]?.median;
      // A missing ratio is null, because JSON has no NaN.
      return typeof ratio !== 'number' ? [] : [`${ratio.toFixed(2)} × ${name}`];
    })
    .join(', ');
  return ratios === '' ? '' : ` (${ratios})`;
}

/** Returns the sentence, or `undefined` until the parts that it quotes have been run. */
export function headlineOf(summary: Summary): string | undefined {
  const { s1, s2, s4 } = summary;
  const [p50Ms, busyP50Ms] = [s1, s2].map((part) => part?.figures['millrace']?.['p50Ms']);
  const perSecond = s4?.figures['millrace']?.['perSecond'];
  if (s1 === undefined || s2 === undefined || s4 === undefined) return undefined;
  if (typeof p50Ms !== 'number' || typeof busyP50Ms !== 'number' || typeof perSecond !== 'number')
    return undefined;
  const cores = /^\d+ cores/.exec(s1.machine)?.[0] ?? 'one machine';
  return (
    `Measured side by side on ${cores} that publisher, Redis, gateway and clients share: half of the events reach their client within ` +
    `${number(p50Ms)} ms at 200 events/s${comparison(s1, 'p50Ms')} and ${number(busyP50Ms)} ms at 1,000${comparison(s2, 'p50Ms')}; ` +
    `one gateway carries ${number(perSecond)} events/s with p99 below 50 ms${comparison(s4, 'perSecond')}: [docs/performance.md](docs/performance.md).`
  );
}
