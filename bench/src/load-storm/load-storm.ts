// Measures how the loads of many clients are spread after Redis has lost everything. Each client has one room with
// `room.load`. A backend records every call.
//
// npm run bench -- load-storm [--clients 5000 --rooms 500 --rounds 1 --write]
import { parseArgs } from 'node:util';
import { createClient } from '@redis/client';
import { machineLine, writeTable } from '../harness/performance-page.js';
import { type Part, startGateway, startRedis, startScript } from '../harness/processes.js';
import { median } from '../harness/statistics.js';
import { type BackendCall, startBackend } from './backend.js';
import type { LoadingClientsOrder, LoadingClientsReport } from './clients.js';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '5000' },
    rooms: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});
const clientCount = Number(values.clients);
const roomCount = Number(values.rooms);
const rounds = Number(values.rounds);
const processCount = Math.ceil(clientCount / 1_500);
const lookMs = 100;
const maxMs = 120_000;

/** The spread of one storm. All times begin at the loss. */
interface Storm {
  readonly calls: number;
  /** Largest number of calls of one client. */
  readonly callsOfOne: number;
  readonly firstMs: number;
  readonly lastMs: number;
  readonly busiestSecond: number;
  readonly busiest100Ms: number;
  /** Time until all clients were live with a state that was loaded after the loss. */
  readonly wholeMs: number;
}

/** Returns the largest number of calls in any window of this length. */
function busiest(calls: readonly BackendCall[], windowMs: number): number {
  let most = 0;
  let from = 0;
  for (const [index, { atMs }] of calls.entries()) {
    while ((calls[from]?.atMs ?? atMs) <= atMs - windowMs) from += 1;
    most = Math.max(most, index - from + 1);
  }
  return most;
}

async function reportOf(parts: readonly Part[], command: 'report' | 'reset'): Promise<LoadingClientsReport> {
  const reports = await Promise.all(
    parts.map((part) => {
      const report = part.message<LoadingClientsReport>();
      part.send(command);
      return report;
    }),
  );
  return {
    live: reports.reduce((sum, { live }) => sum + live, 0),
    loaded: reports.reduce((sum, { loaded }) => sum + loaded, 0),
  };
}

async function until(parts: readonly Part[], figure: keyof LoadingClientsReport): Promise<void> {
  const endMs = performance.now() + maxMs;
  while ((await reportOf(parts, 'report'))[figure] < clientCount) {
    if (performance.now() > endMs) throw new Error(`not all clients are ${figure} within ${maxMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, lookMs));
  }
}

/** Measures one storm. With `isRestart`, the gateway is killed before the loss and started after it. */
async function measure(isRestart: boolean): Promise<Storm> {
  const redis = await startRedis();
  await using _redis = redis.part;
  const commands = await createClient({ url: redis.url }).connect();
  await using _commands = { [Symbol.asyncDispose]: () => commands.close() };
  await using backend = await startBackend();
  let gateway = await startGateway(redis.url);
  const { url } = gateway;
  await using _gateway = { [Symbol.asyncDispose]: () => gateway.part[Symbol.asyncDispose]() };
  const share = Math.ceil(clientCount / processCount);
  const parts = Array.from({ length: processCount }, (_, index) => {
    const first = index * share;
    const count = Math.min(share, clientCount - first);
    const order: LoadingClientsOrder = { url, backendUrl: backend.url, first, count, rooms: roomCount };
    return startScript('load-storm/clients.js', [JSON.stringify(order)]);
  });
  await using _parts = {
    async [Symbol.asyncDispose]() {
      for (const part of parts) await part[Symbol.asyncDispose]();
    },
  };
  await Promise.all(parts.map((part) => part.message()));
  await until(parts, 'live');
  await reportOf(parts, 'reset');
  backend.take();
  const startMs = performance.now();
  if (isRestart) await gateway.part.kill();
  await commands.flushAll();
  if (isRestart) gateway = await startGateway(redis.url, { port: new URL(url).port });
  await until(parts, 'loaded');
  const wholeMs = performance.now() - startMs;
  const calls = backend.take();
  const byPath = new Map<string, number>();
  for (const { path } of calls) byPath.set(path, (byPath.get(path) ?? 0) + 1);
  return {
    calls: calls.length,
    callsOfOne: Math.max(...byPath.values()),
    firstMs: (calls[0]?.atMs ?? startMs) - startMs,
    lastMs: (calls.at(-1)?.atMs ?? startMs) - startMs,
    busiestSecond: busiest(calls, 1_000),
    busiest100Ms: busiest(calls, 100),
    wholeMs,
  };
}

const situations = [
  { name: '`FLUSHALL`, clients stay connected', isRestart: false },
  { name: 'gateway killed, `FLUSHALL`, gateway started', isRestart: true },
];
const storms = new Map<string, Storm[]>(situations.map(({ name }) => [name, []]));
for (let round = 0; round < rounds; round += 1) {
  for (const { name, isRestart } of situations) {
    const storm = await measure(isRestart);
    storms.get(name)?.push(storm);
    console.log(`${name}: ${JSON.stringify(storm)}`);
  }
}

/** Returns the median. With several rounds, also the lowest and the highest value. */
function spread(figures: readonly number[]): string {
  const shown = (value: number): string => value.toLocaleString('en', { maximumFractionDigits: 1 });
  const range = `${shown(Math.min(...figures))}–${shown(Math.max(...figures))}`;
  return figures.length === 1 ? shown(median(figures)) : `${shown(median(figures))} [${range}]`;
}

const rows = situations.map(({ name }) => {
  const measured = storms.get(name) ?? [];
  const of = (figure: (storm: Storm) => number): string => spread(measured.map(figure));
  const cells = [
    of(({ calls }) => calls),
    of(({ callsOfOne }) => callsOfOne),
    of(({ firstMs }) => firstMs / 1_000),
    of(({ lastMs }) => lastMs / 1_000),
    of(({ busiestSecond }) => busiestSecond),
    of(({ busiest100Ms }) => busiest100Ms),
    of(({ wholeMs }) => wholeMs / 1_000),
  ];
  return `| ${name} | ${cells.join(' | ')} |`;
});
const table = [
  `${clientCount.toLocaleString('en')} clients of \`@millrace/client\`, each with \`room.load\` in one of ${roomCount.toLocaleString('en')} rooms, at one gateway; everything by default. Times count from the loss; ` +
    `${rounds === 1 ? 'one round' : `${rounds} rounds, median [lowest–highest]`}.`,
  '',
  '| what happens | calls of the backend | most calls of one client | first call, s | last call, s | busiest second, calls | busiest 100 ms, calls | all live again, s |',
  '|---|---|---|---|---|---|---|---|',
  ...rows,
  '',
  `${machineLine()} Command: \`npm run bench -- load-storm --clients ${clientCount} --rooms ${roomCount} --rounds ${rounds} --write\`.`,
].join('\n');
console.log(`\n${table}`);
if (values.write) writeTable('load-storm', table);
