// Measures what one tenant's import costs the clients of the other tenants: the latency of their events, the time of
// `/healthz`, and whether they can resume afterwards. The import has a process of its own. It does not wait after a refusal.
//
// npm run bench -- import [--rounds 3 --seconds 8 --write]
import { parseArgs } from 'node:util';
import { type Latency, startLibraryPublisher, startLightClients } from '../harness/light-run.js';
import { machineLine, writeTable } from '../harness/performance-page.js';
import { startGateway, startRedis, startScript } from '../harness/processes.js';
import { median, percentile, spread } from '../harness/statistics.js';
import type { Phase } from '../overload/producer.js';
import type { Offered } from '../overload/tally.js';
import { ReturningClient } from './returning-client.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '8' },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
const seconds = Number(values.seconds);
/** Events per second of each tenant that does not import. */
const usualPerSecond = 50;
const importTimes = 20;
const importPerSecond = usualPerSecond * importTimes;
const quietRooms = Array.from({ length: 4 }, (_, index) => `t:tenant-${index}:room`);
const importRooms = Array.from({ length: 10 }, (_, index) => `t:import:room-${index}`);
const quietPerSecond = usualPerSecond * quietRooms.length;
const clientsPerRoom = 2;
/**
 * The replay memory has room for about 2,800 events, fewer than the import has. For a returning client, a gateway reads at
 * most 5,000 older entries from a stream.
 */
const replayBytes = 2_500_000;
const pollMs = 25;
/** Number of events before the measurement. They let V8 compile the code of publisher, gateway and clients. */
const warmUpEvents = 600;
/**
 * Time from the start of the import to the start of the measurement. It lets V8 compile the code that the import runs in the
 * gateway.
 */
const settleMs = 3_000;
const importSeconds = seconds + settleMs / 1_000;

interface Situation {
  readonly name: string;
  readonly way?: 'library' | 'http';
  readonly hasTenants: boolean;
}

const calm: Situation = { name: 'no import', hasTenants: true };
const situations: readonly Situation[] = [
  calm,
  { name: 'import by `@millrace/publisher`', way: 'library', hasTenants: true },
  { name: 'import by `POST /v1/events`', way: 'http', hasTenants: true },
  { name: 'import by `@millrace/publisher`, rooms without tenants', way: 'library', hasTenants: false },
];

interface Measured extends Latency {
  readonly healthP50Ms: number;
  /** Number of `resync` messages to connected clients of the other tenants. */
  readonly resyncs: number;
  readonly resumed: number;
  readonly offered: Offered | undefined;
}

/** Requests `/healthz` at intervals until `isOver` returns true. Returns the median time of an answer. */
async function pollHealth(url: string, isOver: () => boolean): Promise<number> {
  const timesMs: number[] = [];
  while (!isOver()) {
    const startMs = performance.now();
    await (await fetch(`${url}/healthz`)).text();
    timesMs.push(performance.now() - startMs);
    await pause(pollMs);
  }
  return percentile(timesMs, 50);
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

async function measure({ way, hasTenants }: Situation): Promise<Measured> {
  const redis = await startRedis();
  await using _redis = redis.part;
  const gateway = await startGateway(redis.url, {
    environment: {
      MILLRACE_MAX_REPLAY_BYTES: String(replayBytes),
      ...(hasTenants ? { MILLRACE_TENANT_PATTERN: '^t:([^:]+):' } : {}),
    },
  });
  await using _gateway = gateway.part;
  const { url } = gateway;
  await using publisher = await startLibraryPublisher(redis.url);
  await using clients = await startLightClients(url, quietRooms, clientsPerRoom);
  const leavers = await Promise.all(quietRooms.map((room) => ReturningClient.connect(url, room)));
  const watchers = await Promise.all(quietRooms.map((room) => ReturningClient.connect(url, room)));
  for (const leaver of leavers) await leaver.leave();
  const address = way === 'http' ? url : redis.url;
  await using importer = startScript('./overload/producer.js', [
    way ?? 'library',
    address,
    importRooms.join(','),
  ]);
  await importer.message();
  const send = (events: number): Promise<void> =>
    publisher.publish({ rooms: quietRooms, eventsPerSecond: quietPerSecond, events });
  await send(warmUpEvents);
  await clients.collect(warmUpEvents * clientsPerRoom);
  clients.reset();
  const phase: Phase = { kind: 'rate', perSecond: importPerSecond, seconds: importSeconds };
  if (way !== undefined) importer.send(phase);
  const imported = way === undefined ? undefined : importer.message<Offered>();
  await pause(settleMs);
  let isOver = false;
  const health = pollHealth(url, () => isOver);
  const events = quietPerSecond * seconds;
  await send(events);
  isOver = true;
  const latency = await clients.collect(events * clientsPerRoom);
  const offered = await imported;
  const answers = await Promise.all(leavers.map((leaver) => leaver.return(url)));
  const resyncs = watchers.reduce((sum, watcher) => sum + watcher.resyncs, 0);
  for (const leaver of [...leavers, ...watchers]) await leaver.leave();
  return {
    ...latency,
    healthP50Ms: await health,
    resyncs,
    resumed: answers.filter((isRecovered) => isRecovered).length,
    offered,
  };
}

const results = new Map<Situation, Measured[]>(situations.map((situation) => [situation, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const situation of round % 2 === 0 ? situations : situations.toReversed()) {
    const measured = await measure(situation);
    results.get(situation)?.push(measured);
    console.log(`${situation.name}: ${JSON.stringify(measured)}`);
  }
}

function row(situation: Situation): string {
  const found = results.get(situation) ?? [];
  const before = results.get(calm) ?? [];
  const ratio = (key: 'p99Ms' | 'healthP50Ms') =>
    spread(found.map((measured, round) => measured[key] / (before[round]?.[key] ?? Number.NaN)));
  const sum = (figure: (measured: Measured) => number): string =>
    found.reduce((total, measured) => total + figure(measured), 0).toLocaleString('en');
  const perSecond = (figure: (offered: Offered) => number): string =>
    Math.round(
      median(found.map(({ offered }) => (offered === undefined ? 0 : figure(offered) / importSeconds))),
    ).toLocaleString('en');
  const cells = [
    situation.name,
    situation.way === undefined ? '–' : perSecond(({ stored }) => stored),
    situation.way === undefined ? '–' : perSecond(({ refused }) => refused),
    spread(found.map(({ p50Ms }) => p50Ms)),
    spread(found.map(({ p99Ms }) => p99Ms)),
    situation === calm ? '1' : ratio('p99Ms'),
    spread(found.map(({ healthP50Ms }) => healthP50Ms)),
    situation === calm ? '1' : ratio('healthP50Ms'),
    sum(({ resyncs }) => resyncs),
    `${sum(({ resumed }) => resumed)} of ${(found.length * quietRooms.length).toLocaleString('en')}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

const table = [
  `${quietRooms.length} tenants with ${usualPerSecond} events/s each to ${clientsPerRoom} clients; a fifth tenant imports ${importPerSecond.toLocaleString('en')} events/s, ${importTimes} times as many. ` +
    `Replay memory of ${(replayBytes / 1e6).toLocaleString('en')} MB, which the import fills; everything else by default. ${rounds} rounds of ${seconds} s each, in turn; median [lowest–highest]. ` +
    'All figures but the first two are those of the other tenants. Resumed: clients that left before the import, came back after it, and were sent everything that they had missed.',
  '',
  '| situation | imported, events/s | refused (429), events/s | p50, ms | p99, ms | p99, ratio | `/healthz` p50, ms | ratio | `resync` | resumed |',
  '|---|---|---|---|---|---|---|---|---|---|',
  ...situations.map(row),
  '',
  `${machineLine()} Command: \`npm run bench -- import --rounds ${rounds} --seconds ${seconds} --write\`.`,
].join('\n');
console.log(`\n${table}`);
if (values.write) writeTable('import', table);
