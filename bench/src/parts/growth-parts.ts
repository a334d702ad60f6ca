// Measures how the cost of an event, or of a connection, grows with the number of rooms, history, rate, room size and connections.
// Runs Millrace alone, with one gateway.
import { setTimeout as pause } from 'node:timers/promises';
import type { BenchPart, PartOptions, PartResult } from '../harness/bench-part.js';
import { barChart } from '../harness/chart.js';
import { orderOfRound } from '../harness/order.js';
import { cpuOf, markdown, number, ratioCell, sidesFor } from '../harness/report.js';
import { type Load, type Round, RunningSide, type Sending } from '../harness/round.js';
import { type Interval, median, pairedRatio } from '../harness/statistics.js';
import type { Side } from '../systems/side.js';
import type { Sides } from '../systems/sides.js';

/** The figures of one measurement, by the headings of their columns. */
type Figures = Readonly<Record<string, number>>;

/** A measurement in which one quantity grows from step to step. */
interface Growth {
  readonly name: string;
  readonly title: string;
  /** The heading of the first column, and the label of the chart's axis. */
  readonly what: string;
  readonly steps: readonly number[];
  /** The name of the figure in the chart. The table compares its values at the first and at the last step. */
  readonly drawn: string;
  readonly pairs: number;
  /** A sentence about the load that all steps share. */
  readonly setting: string;
  measure(side: Side, step: number): Promise<Figures>;
}

const usual: Load = {
  rooms: 100,
  clientsPerRoom: 2,
  eventsPerSecond: 1_000,
  gridMs: 1,
  gateways: 1,
  clients: 'light',
};
const warm: Sending = { events: 2_000, eventsPerSecond: 2_000 };
/** Time for clients to return to their rooms after their gateway was replaced. */
const returnMs = 2_000;
const perEvent = 'gateway CPU, µs per event';
const perDelivery = 'gateway CPU, µs per delivery';

async function measureLoad(side: Side, load: Load, sendings: readonly Sending[]): Promise<Round> {
  await using system = await RunningSide.start(side, load);
  let round: Round | undefined;
  for (const sending of sendings) round = await system.run(sending);
  if (round === undefined) throw new Error('nothing was to be sent');
  return checkWhole(round);
}

/** @throws Error if the number of deliveries is not the expected one */
function checkWhole(round: Round): Round {
  if (round.received === round.expected) return round;
  throw new Error(`${round.received} of ${round.expected} deliveries arrived`);
}

const latencyOf = ({ p50Ms, p99Ms }: Round): Figures => ({ 'p50, ms': p50Ms, 'p99, ms': p99Ms });

/** Returns a load of three seconds at this rate, with at least 200 events. */
const atRate = (eventsPerSecond: number): Sending => ({
  events: Math.max(200, eventsPerSecond * 3),
  eventsPerSecond,
});

const growths: readonly Growth[] = [
  {
    name: 'grow-rooms',
    title: 'more rooms',
    what: 'rooms',
    steps: [10, 100, 1_000, 10_000],
    drawn: perEvent,
    pairs: 4,
    setting: '20 clients, two in each room, 1,000 events/s to all rooms in turn.',
    async measure(side, rooms) {
      const load = { ...usual, rooms, roomsPerClient: rooms / 10 };
      const round = await measureLoad(side, load, [warm, atRate(1_000)]);
      return { [perEvent]: cpuOf.role('gateway')(round), ...latencyOf(round) };
    },
  },
  {
    name: 'grow-history',
    title: 'more history',
    what: 'events before the measurement',
    steps: [1_000, 10_000],
    drawn: perEvent,
    pairs: 4,
    setting:
      '10 rooms of 2 clients, 1,000 events/s. The gateway is restarted with the history, so that it is as warm in each step.',
    async measure(side, events) {
      await using system = await RunningSide.start(side, { ...usual, rooms: 10, clients: 'resuming' });
      system.letClientsReturn();
      await system.publish({ events, eventsPerSecond: 2_000 });
      const { replaceGateway } = system.system;
      if (replaceGateway === undefined) throw new Error(`${side.name} cannot restart its gateway`);
      await replaceGateway(0);
      await pause(returnMs);
      await system.run(warm);
      const round = checkWhole(await system.run(atRate(1_000)));
      return { [perEvent]: cpuOf.role('gateway')(round), ...latencyOf(round) };
    },
  },
  {
    name: 'grow-rate',
    title: 'more events',
    what: 'events/s',
    steps: [100, 500, 1_000, 2_000, 5_000],
    drawn: 'publisher + gateway + Redis CPU, µs per event',
    pairs: 3,
    setting: '100 rooms of 2 clients.',
    async measure(side, rate) {
      const round = await measureLoad(side, usual, [warm, atRate(rate)]);
      const { publisher, gateway, redis } = round.cpuUsPerEvent;
      return {
        'publisher + gateway + Redis CPU, µs per event': cpuOf.event(round),
        publisher,
        gateway,
        Redis: redis,
        ...latencyOf(round),
      };
    },
  },
  {
    name: 'grow-room-size',
    title: 'larger rooms',
    what: 'clients in the room',
    steps: [1, 10, 100, 1_000],
    drawn: perDelivery,
    pairs: 3,
    setting: 'One room, 20 events/s.',
    async measure(side, clientsPerRoom) {
      const load = { ...usual, rooms: 1, clientsPerRoom };
      const round = await measureLoad(side, load, [{ events: 100, eventsPerSecond: 50 }, atRate(20)]);
      return {
        [perDelivery]: cpuOf.delivery(round),
        [perEvent]: cpuOf.role('gateway')(round),
        ...latencyOf(round),
      };
    },
  },
  {
    name: 'grow-connections',
    title: 'more connections that are idle',
    what: 'connections',
    steps: [1_000, 2_500, 5_000, 10_000],
    drawn: 'gateway memory for them, MiB',
    pairs: 1,
    setting:
      'In 100 rooms; pinged and pinging at the default interval of 15 s, over which processor time is counted.',
    async measure(side, connections) {
      const load = { ...usual, clientsPerRoom: connections / usual.rooms };
      await using system = await RunningSide.start(side, load);
      await pause(3_000);
      const beforeMs = system.gatewayCpuMs();
      await pause(15_000);
      const cpuPercent = (system.gatewayCpuMs() - beforeMs) / 150;
      if ((await system.closedConnections()) > 0) throw new Error('connections were closed');
      const { before, now } = system.gatewayKib();
      return {
        'gateway memory for them, MiB': (now - before) / 1_024,
        'KiB each': (now - before) / connections,
        'idle CPU, % of a core': cpuPercent,
      };
    },
  },
];

/** The rounds of every step. `undefined` is a failed measurement. */
type StepRounds = ReadonlyMap<number, readonly (Figures | undefined)[]>;

const column = (rounds: StepRounds, step: number, figure: string): readonly number[] =>
  (rounds.get(step) ?? []).map((figures) => figures?.[figure] ?? Number.NaN);
const middle = (values: readonly number[]): number => median(values.filter(Number.isFinite));

function tableOf({ what, steps, drawn, title }: Growth, rounds: StepRounds): string {
  const first = [...rounds.values()].flat().find((figures) => figures !== undefined);
  const heads = Object.keys(first ?? {});
  const cell = (step: number, head: string): string => number(middle(column(rounds, step, head)));
  const counts = steps.map((step) => step.toLocaleString('en'));
  return [
    markdown(
      [what, ...heads],
      steps.map((step, index) => [counts[index] ?? '', ...heads.map((head) => cell(step, head))]),
    ),
    '',
    barChart({
      title,
      x: { label: what, steps: counts },
      y: { label: drawn, values: steps.map((step) => middle(column(rounds, step, drawn))) },
    }),
  ].join('\n');
}

async function grow(growth: Growth, sides: Sides, options: PartOptions): Promise<PartResult> {
  const { pairs = growth.pairs } = options;
  const { steps, drawn, setting, name } = growth;
  const { running } = await sidesFor(sides, ['millrace'], options);
  const [side] = running;
  if (side === undefined) throw new Error('Millrace does not run here');
  const rounds = new Map<number, (Figures | undefined)[]>(steps.map((step) => [step, []]));
  const failures: string[] = [];
  for (let round = 0; round < pairs; round += 1) {
    for (const step of orderOfRound(steps, round)) {
      let figures: Figures | undefined;
      try {
        figures = await growth.measure(side, step);
        console.log(`${name} ${round + 1}/${pairs} ${step}: ${number(figures[drawn] ?? Number.NaN)}`);
      } catch (error) {
        failures.push(`${step.toLocaleString('en')}, round ${round + 1}, failed: ${String(error)}`);
      }
      rounds.get(step)?.push(figures);
    }
  }
  const [firstStep = 0, lastStep = 0] = [steps[0], steps.at(-1)];
  const ratio: Interval = pairedRatio(column(rounds, lastStep, drawn), column(rounds, firstStep, drawn));
  const between = `${lastStep.toLocaleString('en')} against ${firstStep.toLocaleString('en')}`;
  return {
    table: [
      `${setting} Medians of ${pairs} rounds; ${between}: ${ratioCell(ratio)} × (${drawn}).`,
      '',
      tableOf(growth, rounds),
      '',
      ...failures,
      `Commit of Millrace: \`${side.hash}\`.`,
    ].join('\n'),
    summary: {
      figures: Object.fromEntries(
        steps.map((step) => [String(step), { [drawn]: middle(column(rounds, step, drawn)) }]),
      ),
      ratios: { [String(lastStep)]: { [drawn]: { [String(firstStep)]: ratio } } },
    },
    raw: Object.fromEntries(rounds),
  };
}

/** One part for each quantity that grows. */
export const growthParts: readonly BenchPart[] = growths.map((growth) => ({
  name: growth.name,
  title: growth.title,
  run: (sides, options) => grow(growth, sides, options),
}));
