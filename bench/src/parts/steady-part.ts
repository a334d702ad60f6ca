// S11: a load of half the highest rate that Millrace sustains, for some minutes, while its gateways are replaced one after the
// other.
import { setTimeout as pause } from 'node:timers/promises';
import type { BenchPart, PartOptions, PartResult } from '../harness/bench-part.js';
import { findHighestRate } from '../harness/highest-rate.js';
import { footnotes, markdown, number, sidesFor } from '../harness/report.js';
import { type Load, type Round, RunningSide } from '../harness/round.js';
import type { Side } from '../systems/side.js';
import type { Sides } from '../systems/sides.js';

const load: Load = {
  rooms: 100,
  clientsPerRoom: 2,
  eventsPerSecond: 0,
  gridMs: 1,
  gateways: 2,
  clients: 'resuming',
};
const warmUp = { events: 5_000, eventsPerSecond: 2_500 };
const searchSeconds = 1;
const maxP99Ms = 50;

interface Steady {
  readonly highestPerSecond: number;
  readonly perSecond: number;
  readonly round: Round;
  /** The duration of each replacement, from the signal until the new gateway listens. */
  readonly replacedInSeconds: readonly number[];
}

async function measure(side: Side, seconds: number): Promise<Steady> {
  await using system = await RunningSide.start(side, load);
  const { replaceGateway } = system.system;
  if (replaceGateway === undefined) throw new Error(`${side.name} cannot be redeployed`);
  await system.run(warmUp);
  const { sustained } = await findHighestRate(undefined, async (rate) => {
    const round = await system.run({ events: rate * searchSeconds, eventsPerSecond: rate });
    return { rate, isSustained: round.p99Ms < maxP99Ms && round.failed === 0 };
  });
  if (sustained === undefined) throw new Error('it does not sustain the lowest rate');
  const perSecond = Math.round(sustained.rate / 2);
  system.letClientsReturn();
  const replacedInSeconds: number[] = [];
  const deploy = async (): Promise<void> => {
    for (let gateway = 0; gateway < load.gateways; gateway += 1) {
      await pause((seconds * 1_000) / (load.gateways + 1));
      const startMs = performance.now();
      await replaceGateway(gateway);
      replacedInSeconds.push((performance.now() - startMs) / 1_000);
      console.log(
        `s11 ${side.name}: gateway ${gateway + 1} replaced in ${number(replacedInSeconds.at(-1) ?? 0)} s`,
      );
    }
  };
  const round = await system.run({ events: perSecond * seconds, eventsPerSecond: perSecond }, deploy);
  return { highestPerSecond: sustained.rate, perSecond, round, replacedInSeconds };
}

async function run(sides: Sides, options: PartOptions): Promise<PartResult> {
  const { seconds = 120 } = options;
  const { running, missing } = await sidesFor(sides, ['millrace'], options);
  const found: (readonly [Side, Steady])[] = [];
  const lines: string[] = [];
  for (const side of running) {
    try {
      found.push([side, await measure(side, seconds)]);
    } catch (error) {
      lines.push(`${side.name} failed: ${String(error)}`);
    }
  }
  for (const [{ name }, { round }] of found)
    if (round.firstFailure !== undefined) lines.push(`${name}: publishes failed with ${round.firstFailure}`);
  const rows = found.map(([{ label }, { highestPerSecond, perSecond, round, replacedInSeconds }]) => [
    label,
    number(highestPerSecond),
    number(perSecond),
    [round.p50Ms, round.p99Ms, round.p999Ms, round.maxMs].map(number).join(' / '),
    `${Math.max(0, round.expected - round.received).toLocaleString('en')} of ${round.expected.toLocaleString('en')}`,
    `${Math.max(0, round.received - round.expected).toLocaleString('en')}, ${round.outOfOrder.toLocaleString('en')}`,
    round.failed.toLocaleString('en'),
    round.closed.toLocaleString('en'),
    replacedInSeconds.map(number).join(', '),
  ]);
  return {
    table: [
      `${seconds} s at half of the highest rate that two gateways sustained just before; one gateway after the other is ended by SIGTERM and restarted at its address. ` +
        '100 rooms of 2 clients, which come back to the other gateway with their position. Latency counts what came after a return.',
      '',
      markdown(
        [
          'side',
          'highest rate, events/s',
          'rate, events/s',
          'p50 / p99 / p99.9 / worst, ms',
          '**lost**',
          'more than due, out of order',
          'publishes failed',
          'connections that came back',
          'gateways replaced in, s',
        ],
        rows,
      ),
      '',
      ...footnotes(running, lines, missing, 'Every side ran to its end.'),
    ].join('\n'),
    summary: {
      figures: Object.fromEntries(
        found.map(([{ name }, { perSecond, round }]) => [
          name,
          { perSecond, p50Ms: round.p50Ms, p99Ms: round.p99Ms, p999Ms: round.p999Ms, maxMs: round.maxMs },
        ]),
      ),
      ratios: {},
    },
    raw: Object.fromEntries(found.map(([{ name, hash }, steady]) => [name, { hash, ...steady }])),
  };
}

export const steadyPart: BenchPart = {
  name: 's11',
  title: 'half of its maximum, with a rolling deploy',
  run,
};
