// Measures the latency of chat messages and notifications, in turn without and with a storm of typing events. A producer
// writes the storm by plain XADD.
//
// npm run bench -- storm [--rounds 3 --seconds 5 --rate 20000 --write]
import { parseArgs } from 'node:util';
import { type Latency, startLibraryPublisher, startLightClients } from './harness/light-run.js';
import { machineLine, writeTable } from './harness/performance-page.js';
import { startGateway, startRedis, startScript } from './harness/processes.js';
import { spread } from './harness/statistics.js';

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
const rooms = Array.from({ length: 10 }, (_, index) => `room-${index}`);
const types = ['chat_message', 'notification'] as const;
type Type = (typeof types)[number];

async function measure(type: Type, stormRate: number): Promise<Latency> {
  const redis = await startRedis();
  await using _redis = redis.part;
  const gateway = await startGateway(redis.url);
  await using _gateway = gateway.part;
  await using clients = await startLightClients(gateway.url, rooms, 2);
  const args = [new URL(redis.url).port, rooms.join(','), String(stormRate), String(seconds + 2)];
  await using storm = startScript('./storm/typing-storm.js', args);
  await storm.message();
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await using publisher = await startLibraryPublisher(redis.url, type === 'notification' ? type : 'chat');
  const events = eventsPerSecond * seconds;
  await publisher.publish({ rooms, eventsPerSecond, events });
  return clients.collect(events * 2);
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
  `${machineLine()} Command: \`npm run bench -- storm --rounds ${rounds} --seconds ${seconds} --rate ${stormPerSecond} --write\`.`,
].join('\n');
console.log(`\n${table}`);
if (values.write) writeTable('storm', table);
