// Attacks a gateway as an attacker without credentials does, or a producer without limits. Measures the costs for the gateway
// and for the other clients.
//
// npm run bench -- abuse [--connections 10000 --scale 1 --rate 100000 --write]     --scale: factor of all durations
import { execFileSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import type { AttackKind } from './abuse/attackers.js';
import { metric, Others, type OthersReport, Peaks } from './abuse/watch.js';
import { machineLine, writeTable } from './harness/performance-page.js';
import { type Part, startGateway, startRedis, startScript } from './harness/processes.js';

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '10000' },
    rate: { type: 'string', default: '100000' },
    scale: { type: 'string', default: '1' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const scale = Number(values.scale);
/** The gateway samples the delay of its event loop at this interval. Each sample contains the interval itself. */
const lagSampleMs = 100;
const calmSeconds = 5 * scale;
const floodRoom = 'flood';

/** A system under abuse. */
interface Target {
  readonly url: string;
  readonly redisUrl: string;
}

interface Abuse {
  readonly name: string;
  readonly seconds: number;
  start(target: Target): Part;
  /** Describes the outcome, from the attackers' last message and the system's state. */
  describe(last: object, target: Target): Promise<string> | string;
}

function attack(name: string, kind: AttackKind, count: number, seconds: number): Abuse {
  return {
    name,
    seconds: seconds * scale,
    start: ({ url }) => startScript('./abuse/attackers.js', [kind, url, String(count)]),
    describe: (last) => (last as { readonly text: string }).text,
  };
}

const uniqueSeconds = 60 * scale;

const uniqueIds: Abuse = {
  name: 'unique event IDs by `XADD`',
  seconds: uniqueSeconds,
  start: ({ redisUrl }) =>
    startScript('./abuse/unique-ids.js', [
      new URL(redisUrl).port,
      floodRoom,
      values.rate,
      String(uniqueSeconds),
    ]),
  async describe(last, { url, redisUrl }) {
    const { sent } = last as { readonly sent: number };
    const missed = await metric(url, 'event_gap_entries_total{stream="events:chat"}');
    const info = redisCli(redisUrl, 'INFO', 'memory');
    const peakMib = Number(/used_memory_peak:(\d+)/.exec(info)?.[1]) / 2 ** 20;
    const length = Number(redisCli(redisUrl, 'XLEN', 'events:chat'));
    return (
      `${number(sent / uniqueSeconds)} events/s; ${number(length)} entries left in the stream; ` +
      `${number(missed)} cut before the gateway read them; Redis at most ${number(peakMib)} MiB`
    );
  },
};

const abuses: readonly Abuse[] = [
  attack(`${number(Number(values.connections))} idle connections`, 'idle', Number(values.connections), 15),
  attack('100 slow handshakes of each kind', 'handshakes', 100, 25),
  attack('100 slow POSTs of each kind', 'posts', 100, 40),
  attack('polls', 'polls', 20, 15),
  uniqueIds,
];

function number(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function redisCli(redisUrl: string, ...args: readonly string[]): string {
  return execFileSync('redis-cli', ['-p', new URL(redisUrl).port, ...args], { encoding: 'utf8' });
}

interface Row {
  readonly abuse: Abuse;
  readonly outcome: string;
  readonly calm: OthersReport;
  readonly during: OthersReport;
  readonly rssGrowthMib: number;
  readonly files: number;
  readonly lagMs: number;
}

async function run(abuse: Abuse): Promise<Row> {
  const redis = await startRedis();
  await using _redis = redis.part;
  const gateway = await startGateway(redis.url);
  await using _gateway = gateway.part;
  await using others = await Others.start(gateway.url, redis.url);
  const calm = await others.run(calmSeconds);
  const target: Target = { url: gateway.url, redisUrl: redis.url };
  // The first reading begins a new period.
  await metric(gateway.url, 'nodejs_eventloop_lag_p99_seconds');
  using peaks = new Peaks(gateway.part.pid);
  await using attackers = abuse.start(target);
  await attackers.message();
  const during = await others.run(abuse.seconds);
  const sampledMs = (await metric(gateway.url, 'nodejs_eventloop_lag_p99_seconds')) * 1_000;
  const lagMs = Math.max(0, sampledMs - lagSampleMs);
  attackers.send('end');
  const last = await attackers.message<object>();
  const outcome = await abuse.describe(last, target);
  const { rssGrowthKib, files } = peaks;
  return { abuse, outcome, calm, during, rssGrowthMib: rssGrowthKib / 1_024, files, lagMs };
}

const latency = ({ latency: { p50Ms, p99Ms } }: OthersReport): string =>
  `${p50Ms.toFixed(1)} / ${p99Ms.toFixed(1)}`;

function cellsOf({ abuse, outcome, calm, during, rssGrowthMib, files, lagMs }: Row): readonly string[] {
  const missing = during.due - during.received;
  return [
    abuse.name,
    outcome,
    number(files),
    number(rssGrowthMib),
    lagMs.toFixed(0),
    latency(calm),
    latency(during),
    missing === 0 && during.closed === 0
      ? 'all'
      : `${number(missing)} missing, ${number(during.closed)} closed`,
  ];
}

const rows: string[] = [];
for (const abuse of abuses) {
  if (values.only !== undefined && !abuse.name.includes(values.only)) continue;
  rows.push(`| ${cellsOf(await run(abuse)).join(' | ')} |`);
  console.log(rows.at(-1));
}

const table = [
  'Ten other clients get 20 messages/s in a room of their own, before the abuse and during it. Memory and sockets: highest during the abuse, memory less that before it. ' +
    'Event loop: 99th percentile of its delay during the abuse. Latency p50 / p99.',
  '',
  '| abuse | outcome | open files | memory, MiB more | event loop p99, ms | others before, ms | others during, ms | messages to others |',
  '|---|---|---|---|---|---|---|---|',
  ...rows,
  '',
  `${machineLine()} Command: \`npm run bench -- abuse${values.write ? ' --write' : ''}\`.`,
].join('\n');
console.log(`\n${table}`);
if (values.write) writeTable('abuse', table);
