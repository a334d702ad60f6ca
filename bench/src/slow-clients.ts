// Measures how clients that read too slowly affect other clients, and which events the slow ones receive. In the first test,
// a client of a large room stops reading. In the second test, many clients have slow connections.
//
// npm run bench -- slow-clients [--members 1000 --seconds 20 --write]
import { parseArgs } from 'node:util';
import { connectPublisher } from '@millrace/publisher';
import { type Latency, startLibraryPublisher, startLightClients } from './harness/light-run.js';
import { machineLine, writeTable } from './harness/performance-page.js';
import { type Part, startGateway, startRedis, startScript } from './harness/processes.js';
import { percentile } from './harness/statistics.js';
import type { SlowFigures } from './slow/slow-clients.js';
import { enterSmallBuffers } from './slow/small-buffers.js';
import { chatPayload } from './traffic/chat-payload.js';
import { signalR } from './traffic/dialects.js';
import { LightSocket } from './traffic/light-socket.js';

const areBuffersSmall = enterSmallBuffers();
const { values } = parseArgs({
  options: {
    members: { type: 'string', default: '1000' },
    slow: { type: 'string', default: '100' },
    seconds: { type: 'string', default: '20' },
    write: { type: 'boolean', default: false },
    inside: { type: 'boolean', default: false },
  },
});
const memberCount = Number(values.members);
const slowCount = Number(values.slow);
const seconds = Number(values.seconds);
// The rate of 56 kbit/s.
const bytesPerSecond = 7_000;
const fastCount = 10;

interface System extends AsyncDisposable {
  readonly redisUrl: string;
  readonly url: string;
  readonly pid: number;
}

async function start(): Promise<System> {
  const redis = await startRedis();
  const gateway = await startGateway(redis.url);
  return {
    redisUrl: redis.url,
    url: gateway.url,
    pid: gateway.part.child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      await gateway.part[Symbol.asyncDispose]();
      await redis.part[Symbol.asyncDispose]();
    },
  };
}

async function figure(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? 0);
}

/** Publishes chat messages for some time. Resolves when all of them are stored. */
async function publish({ redisUrl }: System, load: { perSecond: number; seconds: number }): Promise<number> {
  await using publisher = await startLibraryPublisher(redisUrl);
  const events = load.perSecond * load.seconds;
  await publisher.publish({ rooms: ['room'], eventsPerSecond: load.perSecond, events });
  return events;
}

function latencyOf(latenciesNs: readonly number[]): Latency {
  return { p50Ms: percentile(latenciesNs, 50) / 1e6, p99Ms: percentile(latenciesNs, 99) / 1e6 };
}

// ── One client of a large room stops reading ───────────────────────────────────────────────────────────────────────────

const stuckPerSecond = 10;

interface Room {
  readonly latency: Latency;
  readonly waitingBytes: number;
  readonly closed: number;
}

/**
 * Connects a client that does not read. Fills the buffers of kernel and gateway for this client, with messages to a room of
 * its own.
 */
async function stopReading(system: System): Promise<Disposable> {
  const socket = await LightSocket.open({
    url: system.url,
    dialect: signalR(),
    rooms: ['room', 'alone'],
    onMessage: () => {},
  });
  socket.pause();
  const publisher = await connectPublisher({ redisUrl: system.redisUrl });
  for (let number = 1; number <= 200; number += 1)
    await publisher.publish('chat_message', 'alone', chatPayload('x'.repeat(40_000), number));
  await publisher.close();
  return { [Symbol.dispose]: () => socket.drop() };
}

async function largeRoom(hasStuckClient: boolean): Promise<Room> {
  await using system = await start();
  await using clients = await startLightClients(system.url, ['room'], memberCount - 1);
  using _stuck = hasStuckClient ? await stopReading(system) : undefined;
  const waitingBytes = await figure(system.url, 'signalr_server_waiting_bytes');
  const published = await publish(system, { perSecond: stuckPerSecond, seconds });
  const latency = await clients.collect(published * (memberCount - 1));
  const closed = await figure(system.url, 'signalr_server_disconnects_total{reason="send_timeout"}');
  return { latency, waitingBytes, closed };
}

// ── Many clients of a room are on slow connections ─────────────────────────────────────────────────────────────────────────

interface SlowRun {
  readonly fast: Latency;
  readonly slow: SlowFigures | undefined;
  readonly due: number;
  readonly droppedTyping: number;
  readonly caughtUp: number;
}

async function settle(clients: Part, due: number): Promise<SlowFigures> {
  for (;;) {
    clients.child.send('report');
    const figures = await clients.message<SlowFigures>();
    if (figures.delivered >= due || figures.closed > 0) return figures;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function slowConnections(load: {
  clients: number;
  perSecond: number;
  typingPerSecond: number;
}): Promise<SlowRun> {
  await using system = await start();
  await using fast = await startLightClients(system.url, ['room'], fastCount);
  const args = [system.url, 'room', String(load.clients), String(bytesPerSecond)];
  await using slow = startScript('./slow/slow-clients.js', args);
  await slow.message();
  const stormArgs = [new URL(system.redisUrl).port, 'room', String(load.typingPerSecond), String(seconds)];
  await using storm = startScript('./storm/typing-storm.js', stormArgs);
  await storm.message();
  const published = await publish(system, { perSecond: load.perSecond, seconds });
  const latency = await fast.collect(published * fastCount);
  const due = published * load.clients;
  return {
    fast: latency,
    slow: load.clients === 0 ? undefined : await settle(slow, due),
    due,
    droppedTyping: await figure(system.url, 'events_dropped_total{reason="lagging_client"}'),
    caughtUp: await figure(system.url, 'slow_clients_total{outcome="caught_up"}'),
  };
}

// ── The table ──────────────────────────────────────────────────────────────────────────────────────────────────────────

const ms = ({ p50Ms, p99Ms }: Latency): string => `${p50Ms.toFixed(2)} / ${p99Ms.toFixed(2)}`;
const count = (value: number): string => value.toLocaleString('en');

const alone = await largeRoom(false);
console.log(`room of ${memberCount}: ${ms(alone.latency)} ms`);
const beside = await largeRoom(true);
console.log(`with one that does not read: ${ms(beside.latency)} ms, ${beside.closed} closed`);
const typing = { perSecond: 5, typingPerSecond: 200 };
const chat = { perSecond: 60, typingPerSecond: 0 };
const rows: string[] = [];
for (const [name, load] of [
  ['5 messages/s and 200 typing events/s', typing],
  ['60 messages/s', chat],
] as const) {
  const without = await slowConnections({ ...load, clients: 0 });
  const { fast, slow, due, droppedTyping, caughtUp } = await slowConnections({ ...load, clients: slowCount });
  if (slow === undefined) throw new Error('no figures');
  const cells = [
    name,
    ms(without.fast),
    ms(fast),
    `${count(slow.delivered)} of ${count(due)}`,
    count(slow.outOfOrder),
    count(slow.closed),
    count(droppedTyping),
    count(caughtUp),
    ms(latencyOf(slow.latenciesNs)),
  ];
  rows.push(`| ${cells.join(' | ')} |`);
  console.log(rows.at(-1));
}

const kilobytes = (bytes: number): string => `${count(Math.round(bytes / 1_000))} kB`;
const table = [
  `One of ${count(memberCount)} members of a room stops reading, after 8 MB in a room of its own filled all buffers; ${stuckPerSecond} messages/s to the room for ${seconds} s. ` +
    `Latency of the others p50 / p99, ms.`,
  '',
  '| | latency of the others | waiting in the gateway for it | closed, because it read no byte for 10 s |',
  '|---|---|---|---|',
  `| all read | ${ms(alone.latency)} | ${kilobytes(alone.waitingBytes)} | ${alone.closed} |`,
  `| one does not | ${ms(beside.latency)} | ${kilobytes(beside.waitingBytes)} | ${beside.closed} |`,
  '',
  `${slowCount} clients of a room on connections of 56 kbit/s, ${fastCount} on fast ones, ${seconds} s, then until the slow ones have everything` +
    `${areBuffersSmall ? '; the kernel buffers 16 KiB a socket' : ''}. Latency p50 / p99, ms.`,
  '',
  '| load | fast ones, alone | fast ones | delivered over slow connections | out of order or twice | closed | typing dropped for a slow client | caught up from memory | latency over slow connections |',
  '|---|---|---|---|---|---|---|---|---|',
  ...rows,
  '',
  `${machineLine()} Command: \`npm run bench -- slow-clients --members ${memberCount} --seconds ${seconds} --write\`.`,
].join('\n');
console.log(`\n${table}`);
if (values.write) writeTable('slow', table);
