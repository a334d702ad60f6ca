// S5: the cost of an idle connection.
import { setTimeout as pause } from 'node:timers/promises';
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

const allSides = ['floor', 'socket-io', 'aspnet-stream', 'millrace'] as const;
const bases = ['floor', 'socket-io'] as const;
const roomCount = 100;
const loadOf = (connections: number): Load => ({
  rooms: roomCount,
  clientsPerRoom: Math.ceil(connections / roomCount),
  eventsPerSecond: 0,
  gridMs: 0,
  gateways: 1,
  clients: 'light',
});
/** Waiting time after the clients have connected. It keeps the work of connecting out of the measurement. */
const settleMs = 3_000;
/**
 * Length of the period over which CPU time is measured. Each client and the server send one ping in it: SignalR pings every
 * 15 s, Socket.IO every 25 s.
 */
const windowMs = { signalr: 15_000, 'socket.io': 25_000, 'event-source': 15_000 } as const;

interface Idle {
  readonly kibPerConnection: number;
  readonly cpuPercent: number;
  readonly connectSeconds: number;
}

async function run(sides: Sides, options: PartOptions): Promise<PartResult> {
  const { pairs = 2, connections = 5_000 } = options;
  const { running, missing } = await sidesFor(sides, allSides, options);
  const lost: string[] = [];
  const { rounds, failures } = await runPairs<Idle>(running, pairs, async (side, round) => {
    const startMs = performance.now();
    await using system = await RunningSide.start(side, loadOf(connections));
    const connectSeconds = (performance.now() - startMs) / 1_000;
    await pause(settleMs);
    const cpuMs = system.gatewayCpuMs();
    const lengthMs =
      options.seconds === undefined ? windowMs[system.system.dialect] : options.seconds * 1_000;
    await pause(lengthMs);
    const cpuPercent = ((system.gatewayCpuMs() - cpuMs) / lengthMs) * 100;
    const closed = await system.closedConnections();
    if (closed > 0) lost.push(`**${side.name} lost ${closed} connections**`);
    const { before, now } = system.gatewayKib();
    const idle = { kibPerConnection: (now - before) / connections, cpuPercent, connectSeconds };
    console.log(
      `s5 ${round + 1}/${pairs} ${side.name}: ${number(idle.kibPerConnection)} KiB, ${number(cpuPercent)} % CPU`,
    );
    return idle;
  });
  const present = basesIn(bases, running);
  const figures = {
    kibPerConnection: ({ kibPerConnection }: Idle) => kibPerConnection,
    idleCpuPercent: ({ cpuPercent }: Idle) => cpuPercent,
  };
  const rows = running.map(({ name, label }) => {
    const cells = (figure: (idle: Idle) => number): readonly string[] => [
      number(medianOf(rounds, name, figure)),
      ...present.map((base) => (base === name ? '1' : ratioCell(ratioOf(rounds, [name, base], figure)))),
    ];
    return [
      label,
      ...cells(figures.kibPerConnection),
      ...cells(figures.idleCpuPercent),
      number(medianOf(rounds, name, ({ connectSeconds }) => connectSeconds)),
    ];
  });
  const heads = present.map((base) => `× ${base}`);
  return {
    table: [
      `${intervalSentence(pairs)} ${connections.toLocaleString('en')} clients in ${roomCount} rooms, each pinged and pinging at the side's default interval; resident memory of the gateway ` +
        'against that before the first client, and its processor time over one interval of pings.',
      '',
      markdown(
        [
          'side',
          'KiB per connection',
          ...heads,
          'idle CPU, % of a core',
          ...heads,
          'started and connected, s',
        ],
        rows,
      ),
      '',
      ...footnotes(running, [...lost, ...failureLines(failures)], missing, 'All connections stayed.'),
    ].join('\n'),
    summary: summaryOf(running, present, rounds, figures),
    raw: rawOf(running, rounds),
  };
}

export const idlePart: BenchPart = { name: 's5', title: 'idle connections', run };
