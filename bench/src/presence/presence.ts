// Measures the cost of presence in three parts. Redis alone: 10,000 members in rooms of several sizes. Two gateways, with and
// without presence: the joins of 10,000 members. Latency: the time until a watcher at another gateway sees a new state.
//
// npm run bench -- presence [--members 10000 --changes 2000 --rounds 3 --write]
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { cpuMsOf } from '../harness/cost.js';
import { machineLine, writeTable } from '../harness/performance-page.js';
import { startGateway, startRedis } from '../harness/processes.js';
import { percentile, spread } from '../harness/statistics.js';
import { signalR } from '../traffic/dialects.js';
import { LightSocket } from '../traffic/light-socket.js';
import { measureStore, type StoreCost } from './store-cost.js';
import { WatchingSocket } from './watching-socket.js';

const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '10000' },
    changes: { type: 'string', default: '2000' },
    rounds: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
  },
});
const members = Number(values.members);
const changes = Number(values.changes);
const rounds = Number(values.rounds);
const roomSizes = [10, 500, members] as const;
const roomsPerConnection = 5;
const connectionsAtOnce = 50;
/** Time in which the gateways finish waiting writes. Also the time of the idle measurement. */
const settleMs = 3_000;

interface JoinCost {
  readonly gatewayUs: number;
  readonly redisUs: number;
  /** CPU of two gateways and Redis after the joins, while nothing happens, in percent of a core. */
  readonly idlePercent: number;
}

const cpuOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + cpuMsOf(pid), 0);

/** Connects clients to two gateways until there are `members` members in rooms of ten. */
async function measureJoins(isPresenceOn: boolean): Promise<JoinCost> {
  const redis = await startRedis();
  await using _redis = redis.part;
  const environment = { MILLRACE_PRESENCE: isPresenceOn ? '1' : '0' };
  const first = await startGateway(redis.url, { environment });
  await using _first = first.part;
  const second = await startGateway(redis.url, { environment });
  await using _second = second.part;
  const gatewayPids = [first.part.pid, second.part.pid];
  await pause(settleMs);
  const before = { gateways: cpuOf(gatewayPids), redis: cpuMsOf(redis.part.pid) };
  const sockets: LightSocket[] = [];
  const connections = members / roomsPerConnection;
  for (let at = 0; at < connections; at += connectionsAtOnce) {
    const opening = Array.from({ length: Math.min(connectionsAtOnce, connections - at) }, (_, n) =>
      LightSocket.open({
        url: (at + n) % 2 === 0 ? first.url : second.url,
        dialect: signalR(),
        rooms: Array.from(
          { length: roomsPerConnection },
          (_room, index) => `ticket-${Math.floor((at + n) / 10) * 5 + index}`,
        ),
        onMessage: () => {},
      }),
    );
    sockets.push(...(await Promise.all(opening)));
  }
  await pause(settleMs);
  const after = { gateways: cpuOf(gatewayPids), redis: cpuMsOf(redis.part.pid) };
  await pause(settleMs);
  const later = cpuOf(gatewayPids) + cpuMsOf(redis.part.pid);
  for (const socket of sockets) socket.drop();
  return {
    gatewayUs: ((after.gateways - before.gateways) * 1_000) / members,
    redisUs: ((after.redis - before.redis) * 1_000) / members,
    idlePercent: ((later - after.gateways - after.redis) / settleMs) * 100,
  };
}

/** Returns the milliseconds from `SetPresence` at one gateway to the message at another one. */
async function measureLatency(samples: number): Promise<readonly number[]> {
  const redis = await startRedis();
  await using _redis = redis.part;
  const first = await startGateway(redis.url);
  await using _first = first.part;
  const second = await startGateway(redis.url);
  await using _second = second.part;
  const setter = await WatchingSocket.open(first.url, 'setter', 'ticket');
  const watcher = await WatchingSocket.open(second.url, 'watcher', 'ticket');
  await watcher.sees('"users":2');
  const tookMs: number[] = [];
  for (let n = 0; n < samples; n += 1) {
    await pause(60 + Math.random() * 100);
    const startMs = performance.now();
    const seen = watcher.sees(`"state":${n + 1_000}`);
    setter.call('SetPresence', 'ticket', n + 1_000);
    await seen;
    tookMs.push(performance.now() - startMs);
  }
  setter.close();
  watcher.close();
  return tookMs;
}

const cell = (costs: readonly StoreCost[], figure: (cost: StoreCost) => number): string =>
  spread(costs.map(figure));
const storeRows: string[] = [];
for (const size of roomSizes) {
  const costs: StoreCost[] = [];
  for (let round = 0; round < rounds; round += 1) costs.push(await measureStore(members, size, changes));
  const cells = [
    cell(costs, ({ bytesPerMember }) => bytesPerMember),
    cell(costs, ({ usPerJoin }) => usPerJoin),
    cell(costs, ({ usPerChange }) => usPerChange),
    cell(costs, ({ readMs }) => readMs),
    cell(costs, ({ usPerSwept }) => usPerSwept),
  ];
  storeRows.push(`| ${size.toLocaleString('en')} | ${cells.join(' | ')} |`);
  console.log(storeRows.at(-1));
}

const joins = { with: [] as JoinCost[], without: [] as JoinCost[] };
for (let round = 0; round < rounds; round += 1) {
  joins.with.push(await measureJoins(true));
  joins.without.push(await measureJoins(false));
}
const joinRow = (name: string, costs: readonly JoinCost[]): string =>
  `| ${name} | ${spread(costs.map(({ gatewayUs }) => gatewayUs))} | ${spread(costs.map(({ redisUs }) => redisUs))} | ${spread(costs.map(({ idlePercent }) => idlePercent))} |`;
const latency = await measureLatency(Math.max(20, Math.min(200, changes / 10)));

const table = [
  `${members.toLocaleString('en')} members in Redis alone, each with one connection; median [lowest–highest] of ${rounds} rounds.`,
  '',
  '| members of each room | Redis memory per member, B | Redis CPU per join, µs | Redis CPU per change with its announcement, µs | read of one room, ms | Redis CPU per swept member, µs |',
  '|---|---|---|---|---|---|',
  ...storeRows,
  '',
  `${members.toLocaleString('en')} members of ${(members / roomsPerConnection).toLocaleString('en')} connections at two gateways, in rooms of ten, with the connections themselves:`,
  '',
  '| presence | gateway CPU per member, µs | Redis CPU per member, µs | idle afterwards, % of a core |',
  '|---|---|---|---|',
  joinRow('on', joins.with),
  joinRow('off', joins.without),
  '',
  `From \`SetPresence\` to a watcher at another gateway: p50 ${percentile(latency, 50).toFixed(0)} ms, p99 ${percentile(latency, 99).toFixed(0)} ms (${latency.length} changes; the interval is 100 ms).`,
  '',
  `${machineLine()} Command: \`npm run bench -- presence --write\`.`,
].join('\n');
console.log(table);
if (values.write) writeTable('presence', table);
