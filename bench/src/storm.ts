// Whether those who type hold up those who speak: the latency of chat messages and notifications with and without a storm of
// typing by plain XADD, in turn in one run.
//
//   npm run bench:storm [-- --rounds 3 --seconds 5 --rate 20000 --write]
import { parseArgs } from 'node:util';
import { type Part, startGateway, startRedis, startScript } from './processes.js';
import { machineLine, writeTable } from './report/performance-page.js';
import { percentile, spread } from './report/statistics.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    rate: { type: 'string', default: '20000' },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
const stormPerSecond = Number(values.rate);
const eventsPerSecond = 100;
const rooms = Array.from({ length: 10 }, (_, index) => `room-${index}`).join(',');
const types = ['chat_message', 'notification'] as const;
type Type = (typeof types)[number];

interface Latency {
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function collect(clients: Part, expected: number): Promise<readonly number[]> {
  for (let attempt = 0; attempt < 400; attempt += 1) {
    clients.child.send('report');
    const { latenciesNs } = await clients.message<{ latenciesNs: readonly number[] }>();
    if (latenciesNs.length >= expected) return latenciesNs;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`not all of ${expected} events arrived`);
}

async function measure(type: Type, stormRate: number): Promise<Latency> {
  const redis = await startRedis();
  await using _redis = redis.part;
  const gateway = await startGateway(redis.url);
  await using _gateway = gateway.part;
  await using clients = startScript('./latency/client.js', [gateway.url, rooms, '2']);
  await clients.message();
  const args = [new URL(redis.url).port, rooms, String(stormRate), String(seconds + 2)];
  await using storm = startScript('./storm/typing-storm.js', args);
  await storm.message();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const publish = [redis.url, rooms, String(eventsPerSecond), String(seconds), type];
  await using publisher = startScript('./latency/millrace-publisher.js', publish);
  await publisher.end();
  const latenciesNs = await collect(clients, eventsPerSecond * seconds * 2);
  return { p50Ms: percentile(latenciesNs, 50) / 1e6, p99Ms: percentile(latenciesNs, 99) / 1e6 };
}

const rows: string[] = [];
for (const type of types) {
  const results: { readonly quiet: Latency; readonly storm: Latency }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const quiet = await measure(type, 0);
    const storm = await measure(type, stormPerSecond);
    results.push({ quiet, storm });
    console.log(`${type}: quiet p99 ${quiet.p99Ms.toFixed(2)} ms, storm p99 ${storm.p99Ms.toFixed(2)} ms`);
  }
  const column = (when: 'quiet' | 'storm', key: keyof Latency) =>
    spread(results.map((result) => result[when][key]));
  const ratio = (key: keyof Latency) => spread(results.map(({ quiet, storm }) => storm[key] / quiet[key]));
  rows.push(
    `| \`${type}\` | ${column('quiet', 'p50Ms')} | ${column('storm', 'p50Ms')} | ${ratio('p50Ms')} ` +
      `| ${column('quiet', 'p99Ms')} | ${column('storm', 'p99Ms')} | ${ratio('p99Ms')} |`,
  );
}

const table = [
  `${eventsPerSecond} events/s in 10 rooms of 2 clients, without and with ${stormPerSecond.toLocaleString('en')} typing events/s of 100 users by plain \`XADD\` into the same rooms; ` +
    `${rounds} rounds of ${seconds} s each, in turn; median [lowest–highest] of the rounds, in milliseconds.`,
  '',
  '| type | p50 | p50 in the storm | ratio | p99 | p99 in the storm | ratio |',
  '|---|---|---|---|---|---|---|',
  ...rows,
  '',
  `${machineLine()} Command: \`npm run bench:storm -- --rounds ${rounds} --seconds ${seconds} --rate ${stormPerSecond} --write\`.`,
].join('\n');
console.log(`\n${table}`);
if (values.write) writeTable('storm', table);
