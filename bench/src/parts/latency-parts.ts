// The parts that put the same load on several sides, and compare their latency and their cost.
import type { BenchPart, PartOptions, PartResult } from '../harness/bench-part.js';
import { type Rounds, runPairs } from '../harness/pairs.js';
import {
  basesIn,
  cpuOf,
  type Figure,
  footnotes,
  intervalSentence,
  markdown,
  medianOf,
  number,
  ratioCell,
  ratioOf,
  rawOf,
  redisCell,
  sidesFor,
  summaryOf,
  warnings,
} from '../harness/report.js';
import { type Load, type Round, RunningSide } from '../harness/round.js';
import type { Side, SideName } from '../systems/side.js';
import type { Sides } from '../systems/sides.js';

/** A load, the sides that get it, and the bases with which the other sides are compared. */
interface Comparison {
  readonly name: string;
  readonly title: string;
  readonly load: Load;
  readonly seconds: number;
  readonly pairs: number;
  /** Load before each measurement. Afterwards, the processes are as fast as after a long run. */
  readonly warmUp: { readonly events: number; readonly eventsPerSecond: number };
  readonly sides: readonly SideName[];
  readonly bases: readonly SideName[];
}

/**
 * The usual warm-up. It lets V8 compile all code. A server needs a third of the CPU time after fifteen seconds that it needs
 * in its first second. The publisher at 1,000 events/s needs 125 instead of 395 µs per event.
 */
const warm = { events: 5_000, eventsPerSecond: 2_500 };
const light = { gateways: 1, clients: 'light', gridMs: 0 } as const;
const s1 = { rooms: 1, clientsPerRoom: 1, eventsPerSecond: 200, ...light };
const s2 = { rooms: 100, clientsPerRoom: 2, eventsPerSecond: 1_000, ...light };
const bases = ['floor', 'socket-io', 'aspnet-stream'] as const;
const lightSides = [
  'floor',
  'socket-io',
  'aspnet-stream',
  'http-bridge',
  'millrace',
  'millrace-xadd',
  'before',
] as const;
const officialSides = ['socket-io', 'aspnet-backplane', 'millrace'] as const;

const comparisons: readonly Comparison[] = [
  {
    name: 's1',
    title: '200 events/s, one client',
    load: s1,
    seconds: 1.5,
    pairs: 9,
    warmUp: warm,
    sides: lightSides,
    bases,
  },
  {
    name: 's2',
    title: '1,000 events/s, 100 rooms of 2 clients',
    load: s2,
    seconds: 1.5,
    pairs: 9,
    warmUp: warm,
    sides: lightSides,
    bases,
  },
  {
    name: 's3',
    title: '10 events/s to a room of 1,000 clients',
    load: { ...light, rooms: 1, clientsPerRoom: 1_000, eventsPerSecond: 10 },
    seconds: 3,
    pairs: 8,
    warmUp: { events: 20, eventsPerSecond: 20 },
    sides: ['floor', 'socket-io', 'aspnet-stream', 'millrace'],
    bases,
  },
  {
    name: 'sse',
    title: 'server-sent events beside SignalR: 1,000 events/s, 100 rooms of 2 readers',
    load: s2,
    seconds: 2,
    pairs: 9,
    warmUp: warm,
    sides: ['millrace', 'millrace-sse'],
    bases: ['millrace'],
  },
  {
    name: 's9',
    title: 'HTTP, 1,000 events/s, 100 rooms of 2 clients',
    load: s2,
    seconds: 2,
    pairs: 9,
    warmUp: warm,
    sides: ['http-bridge', 'http-bridge-xadd', 'millrace-http', 'before-http'],
    bases: ['http-bridge-xadd', 'http-bridge'],
  },
  {
    name: 'cpu',
    title: 'processor time at 5,000 events/s, 100 rooms of 2 clients',
    load: { ...s2, eventsPerSecond: 5_000, gridMs: 1 },
    seconds: 3,
    pairs: 8,
    warmUp: { events: 5_000, eventsPerSecond: 5_000 },
    sides: ['floor', 'socket-io', 'aspnet-stream', 'millrace', 'millrace-xadd', 'before'],
    bases,
  },
  {
    name: 's8',
    title: 'a mixed day: 2,000 inputs/s, 90 % of them typing and receipts; latency of the chat messages',
    load: { ...s2, eventsPerSecond: 2_000, gridMs: 1, mix: 'day' },
    seconds: 3,
    pairs: 8,
    warmUp: { events: 2_000, eventsPerSecond: 2_000 },
    sides: ['floor', 'socket-io', 'millrace'],
    bases: ['floor', 'socket-io'],
  },
  {
    name: 's1-official',
    title: '200 events/s, one official client',
    load: { ...s1, clients: 'official' },
    seconds: 2.5,
    pairs: 8,
    warmUp: warm,
    sides: officialSides,
    bases: ['socket-io', 'aspnet-backplane'],
  },
  {
    name: 's2-official',
    title: '1,000 events/s, 100 rooms of 2 official clients',
    load: { ...s2, clients: 'official' },
    seconds: 2.5,
    pairs: 8,
    warmUp: warm,
    sides: officialSides,
    bases: ['socket-io', 'aspnet-backplane'],
  },
];

const figures: Readonly<Record<string, Figure<Round>>> = {
  p50Ms: ({ p50Ms }) => p50Ms,
  p99Ms: ({ p99Ms }) => p99Ms,
  cpuUsPerEvent: cpuOf.event,
  gatewayCpuUsPerDelivery: cpuOf.delivery,
};

function latencyTable(sides: readonly Side[], present: readonly SideName[], rounds: Rounds<Round>): string {
  const ratioHeads = present.map((base) => `× ${base}`);
  return markdown(
    ['side', 'p50, ms', ...ratioHeads, 'p99, ms', ...ratioHeads, 'generator late p50 / p99, ms'],
    sides.map(({ name, label }) => {
      const cells = (figure: Figure<Round>): string[] => [
        number(medianOf(rounds, name, figure)),
        ...present.map((base) => (base === name ? '1' : ratioCell(ratioOf(rounds, [name, base], figure)))),
      ];
      const late = [({ lateP50Ms }: Round) => lateP50Ms, ({ lateP99Ms }: Round) => lateP99Ms]
        .map((figure) => number(medianOf(rounds, name, figure)))
        .join(' / ');
      return [label, ...cells(({ p50Ms }) => p50Ms), ...cells(({ p99Ms }) => p99Ms), late];
    }),
  );
}

function costTable(sides: readonly Side[], present: readonly SideName[], rounds: Rounds<Round>): string {
  return markdown(
    [
      'CPU, µs per event',
      'publisher',
      'gateway',
      'Redis',
      'publisher + gateway + Redis',
      ...present.map((base) => `× ${base}`),
      'gateway per delivery',
      ...present.map((base) => `× ${base}`),
      'Redis commands per event × µs',
    ],
    sides.map(({ name, label }) => {
      const cell = (figure: Figure<Round>): string => number(medianOf(rounds, name, figure));
      const ratios = (figure: Figure<Round>): string[] =>
        present.map((base) => (base === name ? '1' : ratioCell(ratioOf(rounds, [name, base], figure))));
      return [
        label,
        cell(cpuOf.role('publisher')),
        cell(cpuOf.role('gateway')),
        cell(cpuOf.role('redis')),
        cell(cpuOf.event),
        ...ratios(cpuOf.event),
        cell(cpuOf.delivery),
        ...ratios(cpuOf.delivery),
        redisCell(rounds, name),
      ];
    }),
  );
}

async function compare(comparison: Comparison, sides: Sides, options: PartOptions): Promise<PartResult> {
  const { load, warmUp, name: part } = comparison;
  const { pairs = comparison.pairs, seconds = comparison.seconds } = options;
  const { running, missing } = await sidesFor(sides, comparison.sides, options);
  const events = Math.round(load.eventsPerSecond * seconds);
  const found = await runPairs(running, pairs, async (side, round) => {
    await using system = await RunningSide.start(side, load);
    await system.run(warmUp);
    const result = await system.run({ events, eventsPerSecond: load.eventsPerSecond });
    console.log(
      `${part} ${round + 1}/${pairs} ${side.name}: p50 ${number(result.p50Ms)}, p99 ${number(result.p99Ms)} ms; ` +
        `${result.received} of ${result.expected}; late p50 ${number(result.lateP50Ms)} ms; CPU ${number(cpuOf.event(result))} µs`,
    );
    return result;
  });
  const present = basesIn(comparison.bases, running);
  const lines = warnings(running, found, load.eventsPerSecond);
  return {
    table: [
      `${intervalSentence(pairs)} ${seconds} s each, after ${number(warmUp.events)} events.`,
      '',
      latencyTable(running, present, found.rounds),
      '',
      costTable(running, present, found.rounds),
      '',
      ...footnotes(running, lines, missing),
    ].join('\n'),
    summary: summaryOf(running, present, found.rounds, figures),
    raw: rawOf(running, found.rounds),
  };
}

/** The parts S1, S2, S3, S8 and S9, the part about CPU time, and the parts with official clients. */
export const latencyParts: readonly BenchPart[] = comparisons.map((comparison) => ({
  name: comparison.name,
  title: comparison.title,
  run: (sides, options) => compare(comparison, sides, options),
}));
