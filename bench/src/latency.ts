// Latency from publish to client, Millrace beside the hand-written floor, alternated in one run.
//
//   npm run bench:latency [-- --rounds 5 --seconds 5 --write]
//
// `--write` puts the table into docs/performance.md.
import { parseArgs } from 'node:util';
import { type Load, loads, roomsOf } from './latency/load.js';
import { type Part, startGateway, startRedis, startScript } from './processes.js';
import { machineLine, writeTable } from './report/performance-page.js';
import { milliseconds, percentile, spread } from './report/statistics.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const warmUpSeconds = 1;

interface Round {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly received: number;
}

interface Target {
  readonly name: 'Millrace' | 'floor';
  readonly publisherScript: string;
  start(redisUrl: string): Promise<{ readonly part: Part; readonly url: string }>;
}

const floor: Target = {
  name: 'floor',
  publisherScript: './latency/floor-publisher.js',
  async start(redisUrl) {
    const part = startScript('./latency/floor-gateway.js', [redisUrl]);
    return { part, url: (await part.message<{ url: string }>()).url };
  },
};

const millrace: Target = {
  name: 'Millrace',
  publisherScript: './latency/millrace-publisher.js',
  start: startGateway,
};

async function publish(target: Target, redisUrl: string, load: Load, forSeconds: number): Promise<void> {
  const args = [redisUrl, roomsOf(load).join(','), String(load.eventsPerSecond), String(forSeconds)];
  await using publisher = startScript(target.publisherScript, args);
  await publisher.end();
}

/** Waits until every event that was sent has been received, so that a slow tail is counted and not cut off. */
async function collect(clients: Part, expected: number): Promise<readonly number[]> {
  for (let attempt = 0; ; attempt += 1) {
    clients.child.send('report');
    const { latenciesNs } = await clients.message<{ latenciesNs: readonly number[] }>();
    if (latenciesNs.length >= expected) return latenciesNs;
    if (attempt === 100) throw new Error(`received ${latenciesNs.length} of ${expected}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function runRound(target: Target, load: Load): Promise<Round> {
  const redis = await startRedis();
  await using _redis = redis.part;
  const gateway = await target.start(redis.url);
  await using _gateway = gateway.part;
  await using clients = startScript('./latency/client.js', [
    gateway.url,
    roomsOf(load).join(','),
    String(load.clientsPerRoom),
  ]);
  await clients.message();
  await publish(target, redis.url, load, warmUpSeconds);
  await collect(clients, load.eventsPerSecond * warmUpSeconds * load.clientsPerRoom);
  clients.child.send('reset');
  await publish(target, redis.url, load, seconds);
  const latenciesNs = await collect(clients, load.eventsPerSecond * seconds * load.clientsPerRoom);
  return {
    p50Ms: percentile(latenciesNs, 50) / 1e6,
    p99Ms: percentile(latenciesNs, 99) / 1e6,
    received: latenciesNs.length,
  };
}

const rows: string[] = [];
for (const load of loads) {
  const results: Record<Target['name'], Round[]> = { floor: [], Millrace: [] };
  for (let round = 0; round < rounds; round += 1) {
    // Who goes first alternates too.
    const order = round % 2 === 0 ? [floor, millrace] : [millrace, floor];
    for (const target of order) {
      const result = await runRound(target, load);
      results[target.name].push(result);
      console.log(
        `${load.name} · ${target.name}: p50 ${milliseconds(result.p50Ms)}, p99 ${milliseconds(result.p99Ms)}`,
      );
    }
  }
  const column = (name: Target['name'], key: 'p50Ms' | 'p99Ms') => results[name].map((round) => round[key]);
  const ratios = (key: 'p50Ms' | 'p99Ms') =>
    results.Millrace.map((round, index) => round[key] / (results.floor[index]?.[key] ?? Number.NaN));
  rows.push(
    `| ${load.name} | ${spread(column('floor', 'p50Ms'))} | ${spread(column('Millrace', 'p50Ms'))} | ${spread(ratios('p50Ms'))} ` +
      `| ${spread(column('floor', 'p99Ms'))} | ${spread(column('Millrace', 'p99Ms'))} | ${spread(ratios('p99Ms'))} |`,
  );
}

const table = [
  `${rounds} rounds of ${seconds} s each, floor and Millrace in turn; median [lowest–highest] of the rounds, in milliseconds. ` +
    'The ratio is taken round by round.',
  '',
  '| load | floor p50 | Millrace p50 | ratio | floor p99 | Millrace p99 | ratio |',
  '|---|---|---|---|---|---|---|',
  ...rows,
  '',
  `${machineLine()} Command: \`npm run bench:latency -- --rounds ${rounds} --seconds ${seconds} --write\`.`,
].join('\n');
console.log(`\n${table}`);
if (values.write) writeTable('latency', table);
