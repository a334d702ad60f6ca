// S4: the highest rate at which 99 % of the events arrive within 50 ms.
import type { BenchPart, PartOptions, PartResult } from '../harness/bench-part.js';
import { findHighestRate, type Highest, rateAt } from '../harness/highest-rate.js';
import { runPairs } from '../harness/pairs.js';
import {
  basesIn,
  cpuOf,
  type Figure,
  failureLines,
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
} from '../harness/report.js';
import { type Load, type Round, RunningSide } from '../harness/round.js';
import { medianInterval } from '../harness/statistics.js';
import type { SideName } from '../systems/side.js';
import type { Sides } from '../systems/sides.js';

const load: Load = {
  rooms: 100,
  clientsPerRoom: 2,
  eventsPerSecond: 0,
  gridMs: 1,
  gateways: 1,
  clients: 'light',
};
const warmUp = { events: 2_000, eventsPerSecond: 4_000 };
const maxP99Ms = 50;
const minReceivedShare = 0.9999;
const minMadeShare = 0.97;
const bases = ['floor', 'socket-io', 'aspnet-stream', 'http-bridge'] as const;
const allSides = [
  'floor',
  'socket-io',
  'aspnet-stream',
  'http-bridge',
  'millrace',
  'millrace-xadd',
  'before',
] as const;

/** The reason why a rate was too high. */
type Limit = 'p99' | 'failed' | 'lost' | 'generator';

interface Step {
  readonly rate: number;
  readonly round: Round;
  readonly isSustained: boolean;
  readonly limits: readonly Limit[];
}

/** The result of one round of a side. */
interface Found {
  readonly perSecond: number;
  readonly sustained: Round | undefined;
  readonly limits: readonly Limit[];
}

function limitsOf(round: Round, rate: number): readonly Limit[] {
  const { p99Ms, failed, received, expected, madePerSecond } = round;
  const limits: Limit[] = [];
  if (!(p99Ms < maxP99Ms)) limits.push('p99');
  if (failed > 0) limits.push('failed');
  if (received < expected * minReceivedShare) limits.push('lost');
  if (madePerSecond < rate * minMadeShare) limits.push('generator');
  return limits;
}

async function search(
  system: RunningSide,
  startIndex: number | undefined,
  seconds: number,
): Promise<Highest<Step>> {
  return findHighestRate(startIndex, async (rate) => {
    const round = await system.run({ events: Math.round(rate * seconds), eventsPerSecond: rate });
    const limits = limitsOf(round, rate);
    return { rate, round, limits, isSustained: limits.length === 0 };
  });
}

const perSecond: Figure<Found> = (found) => found.perSecond;
const atHighest =
  (figure: Figure<Round>): Figure<Found> =>
  ({ sustained }) =>
    sustained === undefined ? Number.NaN : figure(sustained);

async function run(sides: Sides, options: PartOptions): Promise<PartResult> {
  const { pairs = 9, seconds = 0.75 } = options;
  const { running, missing } = await sidesFor(sides, allSides, options);
  const lastIndex = new Map<SideName, number>();
  const { rounds, failures } = await runPairs<Found>(running, pairs, async (side, round) => {
    await using system = await RunningSide.start(side, load);
    await system.run(warmUp);
    const last = lastIndex.get(side.name);
    // The search starts a little below the last result. It then finds a lower result as easily as a higher one.
    const found = await search(system, last === undefined ? undefined : Math.max(0, last - 1), seconds);
    lastIndex.set(side.name, found.index);
    const { sustained, refused } = found;
    console.log(
      `s4 ${round + 1}/${pairs} ${side.name}: ${sustained?.rate ?? 0}/s, p99 ${number(sustained?.round.p99Ms ?? Number.NaN)} ms; ` +
        `then ${refused?.limits.join(', ') ?? 'no limit found'}`,
    );
    return { perSecond: sustained?.rate ?? 0, sustained: sustained?.round, limits: refused?.limits ?? [] };
  });
  const present = basesIn(bases, running);
  const rows = running.map(({ name, label }) => {
    const { low, high } = medianInterval(
      (rounds.get(name) ?? []).map((found) => found?.perSecond ?? Number.NaN),
    );
    return [
      label,
      `${number(medianOf(rounds, name, perSecond))} [${number(low)}–${number(high)}]`,
      ...present.map((base) => (base === name ? '1' : ratioCell(ratioOf(rounds, [name, base], perSecond)))),
      number(
        medianOf(
          rounds,
          name,
          atHighest(({ p99Ms }) => p99Ms),
        ),
      ),
      (['publisher', 'gateway', 'redis'] as const)
        .map((role) => number(medianOf(rounds, name, atHighest(cpuOf.role(role)))))
        .join(' / '),
    ];
  });
  const lines = running.flatMap(({ name }) => {
    const found = (rounds.get(name) ?? []).filter((each) => each !== undefined);
    const counts = (['failed', 'lost', 'generator'] as const).flatMap((limit) => {
      const times = found.filter(({ limits }) => limits.includes(limit)).length;
      return times === 0 ? [] : `${limit} ${times}×`;
    });
    return counts.length === 0
      ? []
      : [`${name}: p99 was not all that failed at the next rate (${counts.join(', ')} of ${found.length})`];
  });
  return {
    table: [
      `${intervalSentence(pairs)} 100 rooms of 2 clients; steps of 6 % and ${seconds} s, from ${number(rateAt(0))}/s; ` +
        `a rate is sustained when p99 is below ${maxP99Ms} ms, at least 99.99 % arrive, no publish fails and the generator makes at least 97 % of it; it has two tries.`,
      '',
      markdown(
        [
          'side',
          'highest rate, events/s',
          ...present.map((base) => `× ${base}`),
          'p99 there, ms',
          'CPU µs per event there: publisher / gateway / Redis',
        ],
        rows,
      ),
      '',
      ...footnotes(
        running,
        [...lines, ...failureLines(failures)],
        missing,
        'At every rate that was not sustained, only p99 failed.',
      ),
    ].join('\n'),
    summary: summaryOf(running, present, rounds, { perSecond }),
    raw: rawOf(running, rounds),
  };
}

export const highestRatePart: BenchPart = { name: 's4', title: 'the highest rate with p99 below 50 ms', run };
