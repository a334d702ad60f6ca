// Tables of docs/latency.md and docs/comparison.md that repeat figures of earlier runs. They are made from docs/performance/*.json,
// so that no figure is typed; a test compares them with the pages.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { replaceBetween } from './replace-between.js';
import { markdown, number } from './report.js';
import { median } from './statistics.js';

const docs = fileURLToPath(new URL('../../../docs/', import.meta.url));

interface Round {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}
interface LatencyFile {
  readonly title: string;
  readonly sides: Readonly<Record<string, { readonly rounds: readonly Round[] }>>;
}
interface SteadyFile {
  readonly sides: Readonly<
    Record<
      string,
      { readonly perSecond: number; readonly round: Round; readonly replacedInSeconds: readonly number[] }
    >
  >;
}
type Figures = Readonly<Record<string, Readonly<Record<string, number>>>>;

function read<T>(name: string): T {
  return JSON.parse(readFileSync(`${docs}performance/${name}.json`, 'utf8')) as T;
}

/** Whole latency, from publish to client: p50 and p99 as in docs/performance.md, p99.9 and worst over all rounds. */
function wholeTable(): string {
  const steady = ['s1', 's2', 'cpu', 's3'].map((part) => {
    const { title, sides } = read<LatencyFile>(part);
    const rounds = sides['millrace']?.rounds ?? [];
    const of = (key: keyof Round) => rounds.map((round) => round[key]);
    return [
      `${title} (${part})`,
      number(median(of('p50Ms'))),
      number(median(of('p99Ms'))),
      number(median(of('p999Ms'))),
      number(Math.max(...of('maxMs'))),
    ];
  });
  const deploy = read<SteadyFile>('s11').sides['millrace'];
  if (deploy === undefined)
    throw new Error('docs/performance/s11.json has no result of Millrace: run the benchmark s11 again');
  const { p50Ms, p99Ms, p999Ms, maxMs } = deploy.round;
  const row = [
    `${number(deploy.perSecond)} events/s, two gateways replaced one after the other (s11)`,
    ...[p50Ms, p99Ms, p999Ms, maxMs].map(number),
  ];
  return markdown(['load', 'p50, ms', 'p99, ms', 'p99.9, ms', 'worst, ms'], [...steady, row]);
}

const systems = {
  millrace: 'Millrace, library',
  'millrace-xadd': 'Millrace, plain `XADD`',
  'socket-io': 'Socket.IO 4.8, Redis Streams adapter',
  'aspnet-stream': 'ASP.NET Core SignalR, stream bridge',
  'http-bridge': 'HTTP bridge, without Redis',
} as const;

/** The figures that were measured side by side, one row for each system. */
function measuredTable(): string {
  const summary = read<Readonly<Record<string, { readonly figures: Figures }>>>('summary');
  const figure = (part: string, side: string, key: string): string => {
    const value = summary[part]?.figures[side]?.[key];
    return typeof value === 'number' ? number(value) : '–';
  };
  const rows = Object.entries(systems).map(([side, label]) => [
    label,
    figure('s1', side, 'p50Ms'),
    figure('s1', side, 'p99Ms'),
    figure('s2', side, 'p50Ms'),
    figure('s2', side, 'p99Ms'),
    figure('s3', side, 'p50Ms'),
    figure('s4', side, 'perSecond'),
    figure('cpu', side, 'cpuUsPerEvent'),
    figure('s5', side, 'kibPerConnection'),
  ]);
  return markdown(
    [
      'system',
      'p50 at 200/s, ms',
      'p99',
      'p50 at 1,000/s, ms',
      'p99',
      'p50 to a room of 1,000, ms',
      'highest rate with p99 below 50 ms, events/s',
      'CPU per event at 5,000/s, µs',
      'memory of an idle connection, KiB',
    ],
    rows,
  );
}

/** The tables: page, name of the markers, text. */
export function pageTables(): readonly (readonly [page: string, name: string, table: string])[] {
  return [
    ['latency.md', 'whole', wholeTable()],
    ['comparison.md', 'measured', measuredTable()],
  ];
}

/** Writes the tables into their pages. */
export function writePageTables(): void {
  for (const [page, name, table] of pageTables()) writePageTable(page, name, table);
}

/** Writes a table between its markers in a page of docs/. */
export function writePageTable(page: string, name: string, table: string): void {
  replaceBetween(`${docs}${page}`, name, table);
}
