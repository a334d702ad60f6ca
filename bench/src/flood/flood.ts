// Measures whether one user's flood costs the others. Compares the latency of their events and of `/healthz`, in turn without
// and with a flood. The flood has a process of its own.
//
// npm run bench -- flood [--rounds 3 --seconds 6 --write]
import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Latency, startLibraryPublisher, startLightClients } from '../harness/light-run.js';
import { machineLine, writeTable } from '../harness/performance-page.js';
import { startGateway, startRedis, startScript } from '../harness/processes.js';
import { median, percentile, spread } from '../harness/statistics.js';
import type { FloodReport } from './flooder.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '6' },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const eventsPerSecond = 200;
const rooms = Array.from({ length: 10 }, (_, index) => `room-${index}`);
const healthPauseMs = 10;
/** The flood begins this long before the measurement. */
const headStartMs = 500;
const floods = {
  rooms: '5 connections call `JoinRoom` and `LeaveRoom`, and come back when they are closed',
  negotiations: '20 requests to negotiate at a time',
} as const;

interface Figures {
  readonly delivery: Latency;
  readonly healthP50Ms: number;
  readonly flood: FloodReport;
}

/** Requests `/healthz` again and again. The returned function stops that, and returns how long the answers took. */
function watchHealth(url: string): () => readonly number[] {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const tookMs: number[] = [];
  const isOver = new AbortController();
  const ask = (): Promise<void> =>
    new Promise((resolve, reject) => {
      get(`${url}/healthz`, { agent }, (response) => response.resume().once('end', resolve)).once(
        'error',
        reject,
      );
    });
  void (async () => {
    while (!isOver.signal.aborted) {
      const startMs = performance.now();
      await ask();
      tookMs.push(performance.now() - startMs);
      await pause(healthPauseMs);
    }
    agent.destroy();
  })();
  return () => {
    isOver.abort();
    return tookMs;
  };
}

async function measure(kind: keyof typeof floods | 'none'): Promise<Figures> {
  const redis = await startRedis();
  await using _redis = redis.part;
  const gateway = await startGateway(redis.url);
  await using _gateway = gateway.part;
  await using clients = await startLightClients(gateway.url, rooms, 2);
  await using publisher = await startLibraryPublisher(redis.url);
  await using flooder = startScript('./flood/flooder.js', [gateway.url, kind]);
  await flooder.message();
  await pause(headStartMs);
  const endHealth = watchHealth(gateway.url);
  const events = eventsPerSecond * seconds;
  await publisher.publish({ rooms, eventsPerSecond, events });
  const delivery = await clients.collect(events * 2);
  const healthP50Ms = percentile(endHealth(), 50);
  flooder.send('report');
  return { delivery, healthP50Ms, flood: await flooder.message<FloodReport>() };
}

const count = (value: number): string => value.toLocaleString('en');
const rows: string[] = [];
for (const [kind, description] of Object.entries(floods) as [keyof typeof floods, string][]) {
  const results: { readonly quiet: Figures; readonly flooded: Figures }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const quiet = await measure('none');
    const flooded = await measure(kind);
    results.push({ quiet, flooded });
    console.log(
      `${kind}: p99 ${quiet.delivery.p99Ms.toFixed(2)} → ${flooded.delivery.p99Ms.toFixed(2)} ms, ` +
        `/healthz ${quiet.healthP50Ms.toFixed(2)} → ${flooded.healthP50Ms.toFixed(2)} ms, ${JSON.stringify(flooded.flood)}`,
    );
  }
  const cells = (figure: (figures: Figures) => number): readonly string[] => [
    spread(results.map(({ quiet }) => figure(quiet))),
    spread(results.map(({ flooded }) => figure(flooded))),
    `**${spread(results.map(({ quiet, flooded }) => figure(flooded) / figure(quiet)))}**`,
  ];
  const flood = (figure: (report: FloodReport) => number): string =>
    count(median(results.map(({ flooded }) => figure(flooded.flood))));
  const row = [
    description,
    ...cells(({ delivery }) => delivery.p99Ms),
    ...cells(({ healthP50Ms }) => healthP50Ms),
    `${flood(({ accepted }) => accepted)} / ${flood(({ refused }) => refused)} / ${flood(({ closed }) => closed)}`,
  ];
  rows.push(`| ${row.join(' | ')} |`);
}

const table = [
  `${eventsPerSecond} events/s to the others, in 10 rooms of 2 clients, without and with the flood of one user; ${rounds} rounds of ${seconds} s each, in turn; median ` +
    '[lowest–highest] of the rounds, in milliseconds. The target for each ratio is at most 2. On two cores the flooder takes processor time from all others as well.',
  '',
  '| flood | delivery p99 | in the flood | ratio | `/healthz` p50 | in the flood | ratio | calls or requests accepted / refused / connections closed |',
  '|---|---|---|---|---|---|---|---|',
  ...rows,
  '',
  `${machineLine()} Command: \`npm run bench -- flood --rounds ${rounds} --seconds ${seconds} --write\`.`,
].join('\n');
console.log(`\n${table}`);
if (values.write) writeTable('flood', table);
