// S7: all clients lose their connections at the same time, and reconnect at the same time. Measures the time until each client has
// every event that it missed.
import type { BenchPart, PartOptions, PartResult } from '../harness/bench-part.js';
import { runPairs } from '../harness/pairs.js';
import {
  basesIn,
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
import { type Load, RunningSide } from '../harness/round.js';
import type { Sides } from '../systems/sides.js';

const allSides = ['socket-io', 'millrace'] as const;
const bases = ['socket-io'] as const;
const roomCount = 100;
const warmUp = { events: 500, eventsPerSecond: 500 };
/** Ten events for each room. */
const missed = { events: 1_000, eventsPerSecond: 1_000 };

const loadOf = (connections: number): Load => ({
  rooms: roomCount,
  clientsPerRoom: Math.ceil(connections / roomCount),
  eventsPerSecond: 0,
  gridMs: 0,
  gateways: 1,
  clients: 'resuming',
});

type Resumed = Awaited<ReturnType<RunningSide['loseAndReturn']>> & { readonly isOrdered: boolean };

/** Returns the number of Redis commands that read events, per reconnecting client. */
function readsPerClient({ redis }: Resumed, clients: number): number {
  const reads = ['xrange', 'xrevrange', 'xread'].reduce((sum, name) => sum + (redis[name]?.calls ?? 0), 0);
  return reads / clients;
}

async function run(sides: Sides, options: PartOptions): Promise<PartResult> {
  const { pairs = 8, connections = 2_000 } = options;
  const { running, missing } = await sidesFor(sides, allSides, options);
  const load = loadOf(connections);
  const clients = load.clientsPerRoom * roomCount;
  const { rounds, failures } = await runPairs<Resumed>(running, pairs, async (side, round) => {
    await using system = await RunningSide.start(side, load);
    await system.run(warmUp);
    const returned = await system.loseAndReturn(missed);
    // This load resembles the warm-up, and shows that the clients work normally again.
    const after = await system.run(warmUp);
    const isOrdered = after.outOfOrder === 0 && after.received === after.expected;
    console.log(
      `s7 ${round + 1}/${pairs} ${side.name}: joined ${number(returned.joinedMs)} ms, whole ${number(returned.wholeMs)} ms, ` +
        `${returned.received} of ${returned.due}`,
    );
    return { ...returned, isOrdered };
  });
  const present = basesIn(bases, running);
  const whole = ({ wholeMs }: Resumed): number => wholeMs;
  const sum = (name: (typeof running)[number]['name'], figure: (resumed: Resumed) => number): number =>
    (rounds.get(name) ?? []).reduce((total, each) => total + (each === undefined ? 0 : figure(each)), 0);
  const rows = running.map(({ name, label }) => [
    label,
    number(medianOf(rounds, name, ({ joinedMs }) => joinedMs) / 1_000),
    number(medianOf(rounds, name, whole) / 1_000),
    ...present.map((base) => (base === name ? '1' : ratioCell(ratioOf(rounds, [name, base], whole)))),
    `${sum(name, ({ due, received }) => Math.max(0, due - received)).toLocaleString('en')} of ${sum(name, ({ due }) => due).toLocaleString('en')}`,
    sum(name, ({ received, due }) => Math.max(0, received - due)).toLocaleString('en'),
    sum(name, ({ notRecovered }) => notRecovered).toLocaleString('en'),
    number(medianOf(rounds, name, (resumed) => readsPerClient(resumed, clients))),
  ]);
  const disordered = running
    .filter(({ name }) => (rounds.get(name) ?? []).some((each) => each?.isOrdered === false))
    .map(({ name }) => `${name}: events after the return were lost or out of order`);
  const late = running.flatMap(({ name }) => {
    const times = (rounds.get(name) ?? []).filter((each) => each?.isWhole === false).length;
    return times === 0 ? [] : [`**${name}: not all had everything within 20 s in ${times} rounds**`];
  });
  return {
    table: [
      `${intervalSentence(pairs)} ${clients.toLocaleString('en')} clients in ${roomCount} rooms; ${missed.events.toLocaleString('en')} events are published while all are away, ` +
        'then all connect in the same moment, each with the position (Socket.IO: session and offset) of the last event it saw.',
      '',
      markdown(
        [
          'side',
          'all joined, s',
          'all have everything, s',
          ...present.map((base) => `× ${base}`),
          'not there within 20 s',
          'came twice',
          'clients told to load again',
          'Redis reads per client',
        ],
        rows,
      ),
      '',
      ...footnotes(
        running,
        [...late, ...disordered, ...failureLines(failures)],
        missing,
        'All that was published after the return came, in order.',
      ),
    ].join('\n'),
    summary: summaryOf(running, present, rounds, { wholeMs: whole }),
    raw: rawOf(running, rounds),
  };
}

export const resumePart: BenchPart = { name: 's7', title: 'all clients drop and resume', run };
