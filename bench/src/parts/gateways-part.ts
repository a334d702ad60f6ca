// S6: the cost of additional gateways. Every gateway reads every event. Redis therefore needs the CPU time P + n·R per event.
// P stores the event, and R is the read of each of the n gateways.
import type { BenchPart, PartOptions, PartResult } from '../harness/bench-part.js';
import { type Rounds, runPairs } from '../harness/pairs.js';
import {
  basesIn,
  cpuOf,
  footnotes,
  intervalSentence,
  markdown,
  medianOf,
  number,
  ratioCell,
  ratioOf,
  rawOf,
  sidesFor,
  summaryOf,
  warnings,
} from '../harness/report.js';
import { type Load, type Round, RunningSide } from '../harness/round.js';
import { lineThrough } from '../harness/statistics.js';
import type { Side, SideName } from '../systems/side.js';
import type { Sides } from '../systems/sides.js';

const eventsPerSecond = 5_000;
const warmUp = { events: 5_000, eventsPerSecond };
const allSides = ['floor', 'socket-io', 'millrace'] as const;
const bases = ['floor', 'socket-io'] as const;
/** Numbers of gateways to measure. The sides are compared with four gateways. The other numbers are for the line P + n·R. */
const counts = [4, 1, 2, 8] as const;
const comparedCount = 4;
/** Number of rounds with other numbers of gateways than four. */
const linePairs = 1;

const p50 = ({ p50Ms }: Round): number => p50Ms;
const redisUs = cpuOf.role('redis');
const gatewaysUs = cpuOf.role('gateway');
const loadOf = (gateways: number): Load => ({
  rooms: 100,
  clientsPerRoom: 2,
  eventsPerSecond,
  gridMs: 1,
  gateways,
  clients: 'light',
});

/**
 * Returns the line `P + n·R` for n gateways. P is the CPU time per event, and R the additional CPU time of each gateway per
 * event.
 */
function costLine(
  byCount: ReadonlyMap<number, Rounds<Round>>,
  side: SideName,
  figure: (round: Round) => number,
) {
  const points = [...byCount].map(([count, rounds]) => [count, medianOf(rounds, side, figure)] as const);
  return lineThrough(points.filter(([, us]) => Number.isFinite(us)));
}

function table(running: readonly Side[], byCount: ReadonlyMap<number, Rounds<Round>>): string {
  const compared = byCount.get(comparedCount) ?? new Map();
  const present = basesIn(bases, running);
  const rising = [...counts].sort((a, b) => a - b);
  return markdown(
    [
      'side',
      `p50 at ${rising.join(', ')} gateways, ms`,
      ...present.map((base) => `at ${comparedCount}, × ${base}`),
      `p99 at ${comparedCount}, ms`,
      `Redis CPU per event at ${rising.join(', ')} gateways, µs`,
      'P + n·R',
      `all gateways' CPU per event at ${rising.join(', ')}, µs`,
      'D + n·G',
    ],
    running.map(({ name, label }) => {
      const line = (figure: (round: Round) => number): string => {
        const { offset, slope } = costLine(byCount, name, figure);
        return `${number(offset)} + n·${number(slope)}`;
      };
      const along = (figure: (round: Round) => number): string =>
        rising.map((count) => number(medianOf(byCount.get(count) ?? new Map(), name, figure))).join(', ');
      return [
        label,
        along(p50),
        ...present.map((base) => (base === name ? '1' : ratioCell(ratioOf(compared, [name, base], p50)))),
        number(medianOf<Round>(compared, name, ({ p99Ms }) => p99Ms)),
        along(redisUs),
        line(redisUs),
        along(gatewaysUs),
        line(gatewaysUs),
      ];
    }),
  );
}

async function run(sides: Sides, options: PartOptions): Promise<PartResult> {
  const { pairs = 8, seconds = 2 } = options;
  const { running, missing } = await sidesFor(sides, allSides, options);
  const byCount = new Map<number, Rounds<Round>>();
  const lines: string[] = [];
  for (const count of counts) {
    const load = loadOf(count);
    const found = await runPairs(
      running,
      count === comparedCount ? pairs : Math.min(pairs, linePairs),
      async (side, round) => {
        await using system = await RunningSide.start(side, load);
        await system.run(warmUp);
        const result = await system.run({ events: eventsPerSecond * seconds, eventsPerSecond });
        console.log(
          `s6 ${count} gateways, round ${round + 1}, ${side.name}: p50 ${number(result.p50Ms)} ms, Redis ${number(redisUs(result))} µs`,
        );
        return result;
      },
    );
    byCount.set(count, found.rounds);
    lines.push(...warnings(running, found, eventsPerSecond).map((line) => `${count} gateways: ${line}`));
  }
  const compared = byCount.get(comparedCount) ?? new Map();
  const summary = summaryOf<Round>(running, basesIn(bases, running), compared, {
    p50Ms: p50,
    redisCpuUsPerEvent: redisUs,
  });
  const figures = running.map(({ name }) => {
    const redis = costLine(byCount, name, redisUs);
    const gateways = costLine(byCount, name, gatewaysUs);
    return [
      name,
      {
        ...summary.figures[name],
        redisUsPerEvent: redis.offset,
        redisUsPerEventAndGateway: redis.slope,
        gatewayUsPerEvent: gateways.offset,
        gatewayUsPerEventAndGateway: gateways.slope,
      },
    ] as const;
  });
  return {
    table: [
      `${intervalSentence(pairs)} 5,000 events/s to 100 rooms of 2 clients, ${seconds} s each; ${Math.min(pairs, linePairs)} for each other number of gateways. ` +
        'All share two cores: latency at 8 gateways says how much there is to do in all, not what a larger machine would show.',
      '',
      table(running, byCount),
      '',
      ...footnotes(running, lines, missing),
    ].join('\n'),
    summary: { ...summary, figures: Object.fromEntries(figures) },
    raw: Object.fromEntries([...byCount].map(([count, rounds]) => [count, rawOf(running, rounds)])),
  };
}

export const gatewaysPart: BenchPart = { name: 's6', title: '1, 2, 4 and 8 gateways at 5,000 events/s', run };
