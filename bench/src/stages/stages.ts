// Measures where the time between publish and client goes. The publisher, a blocking reader of the streams and the clients are in
// this process and share one clock; Redis and two gateways are processes of their own. With a deploy, the gateways are ended by
// SIGTERM and restarted, one after the other.
//
//   npm run bench -- stages [--seconds 30 --rate 500 --write]
import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Client, createClient } from '@millrace/client';
import type { eventCatalog } from '@millrace/contract';
import { type ConnectedPublisher, connectPublisher } from '@millrace/publisher';
import { Redis } from 'ioredis';
import { writePageTable } from '../harness/page-tables.js';
import { machineLine } from '../harness/performance-page.js';
import { startGateway, startRedis } from '../harness/processes.js';
import { markdown, number } from '../harness/report.js';
import { createHistogram, percentileMs, recordNs } from '../traffic/histogram.js';
import { nowNs } from '../traffic/mark.js';
import { keepTime } from '../traffic/metronome.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '30' },
    rate: { type: 'string', default: '500' },
    write: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const rate = Number(values.rate);
const payload = { type: 'info', title: 'x'.repeat(300) };
const rooms = Array.from({ length: 20 }, (_, index) => `room-${index}`);

/** The stages, in their order. Each is measured for every event, or for every delivery. */
const stages = {
  stored: 'publish → stored: `publish` has resolved',
  readable: 'publish → readable: a blocking `XREAD` has returned it',
  gateway: 'readable → client: the gateway checks, encodes and queues it; the client has parsed it',
  whole: 'publish → client: the whole',
} as const;
type Stage = keyof typeof stages;

/** The times of one event. */
interface Times {
  readonly intendedNs: number;
  readableNs?: number;
  /** Times at which clients got the event before this process had read it from the stream. */
  readonly early: number[];
}

/** The events of one situation, and the time of each stage. */
class Trial {
  readonly #times = new Map<string, Times>();
  readonly #found = {
    stored: createHistogram(),
    readable: createHistogram(),
    gateway: createHistogram(),
    whole: createHistogram(),
  };
  received = 0;

  async publish(
    publisher: ConnectedPublisher<typeof eventCatalog>,
    room: string,
    intendedNs: number,
  ): Promise<void> {
    const eventId = randomUUID();
    this.#times.set(eventId, { intendedNs, early: [] });
    await publisher.publish('notification', room, payload, { eventId });
    recordNs(this.#found.stored, nowNs() - intendedNs);
  }

  onReadable(eventId: string, readNs: number): void {
    const at = this.#times.get(eventId);
    if (at === undefined) return;
    at.readableNs = readNs;
    recordNs(this.#found.readable, readNs - at.intendedNs);
    for (const arrivedNs of at.early) recordNs(this.#found.gateway, arrivedNs - readNs);
  }

  onArrival(eventId: string): void {
    const arrivedNs = nowNs();
    const at = this.#times.get(eventId);
    if (at === undefined) return;
    this.received += 1;
    recordNs(this.#found.whole, arrivedNs - at.intendedNs);
    if (at.readableNs === undefined) at.early.push(arrivedNs);
    else recordNs(this.#found.gateway, arrivedNs - at.readableNs);
  }

  rows(situation: string): readonly (readonly string[])[] {
    return Object.entries(stages).map(([stage, label]) => {
      const histogram = this.#found[stage as Stage]; // `Object.entries` loses the type of the keys
      return [situation, label, ...[50, 99, 99.9, 100].map((p) => number(percentileMs(histogram, p)))];
    });
  }
}

/** Reads events:notification as a gateway does, and notes when each entry could be read. */
async function readStream(url: string, trial: Trial, signal: AbortSignal): Promise<void> {
  const redis = new Redis(url);
  let cursor = '0-0';
  while (!signal.aborted) {
    const reply = await redis.xread('BLOCK', 200, 'STREAMS', 'events:notification', cursor);
    const readNs = nowNs();
    for (const [id, fields] of reply?.[0]?.[1] ?? []) {
      cursor = id;
      trial.onReadable(fields[fields.indexOf('event_id') + 1] ?? '', readNs);
    }
  }
  redis.disconnect();
}

async function connected(url: string, room: string, trial: Trial): Promise<Client> {
  const client = createClient({ url });
  client.onError(() => undefined); // a gateway that is replaced refuses connections for a while
  client.on('notification', (event) => trial.onArrival(event.event_id));
  client.join(room);
  await client.connect();
  return client;
}

/** Calls `publish` at the rate, and resolves when all calls have. */
async function atRate(
  ticks: number,
  publish: (room: string, intendedNs: number) => Promise<unknown>,
): Promise<void> {
  const open: Promise<unknown>[] = [];
  await keepTime({ startNs: nowNs() + 1e6, tickNs: 1e9 / rate, ticks }, (tick, intendedNs) => {
    open.push(publish(rooms[tick % rooms.length] ?? '', intendedNs));
  });
  await Promise.all(open);
}

type Gateway = Awaited<ReturnType<typeof startGateway>>;

/** Replaces the gateways one after the other, at their addresses. */
async function deploy(redisUrl: string, gateways: Gateway[]): Promise<void> {
  for (const [index, { part, url }] of gateways.entries()) {
    await pause((seconds * 1_000) / 3);
    part.child.kill('SIGTERM');
    await part.end();
    gateways[index] = await startGateway(redisUrl, { port: new URL(url).port });
  }
}

async function untilReceived(trial: Trial, due: number): Promise<void> {
  for (let waits = 0; waits < 300; waits += 1) {
    if (trial.received >= due) return;
    await pause(100);
  }
}

async function measure(hasDeploy: boolean): Promise<string> {
  const trial = new Trial();
  const redis = await startRedis();
  await using _redis = redis.part;
  const gateways = [await startGateway(redis.url), await startGateway(redis.url)];
  const members = gateways.flatMap(({ url }) => rooms.map(async (room) => connected(url, room, trial)));
  const clients = await Promise.all(members);
  const publisher = await connectPublisher({ redisUrl: redis.url });
  await atRate(rate * 3, async (room) => publisher.publish('notification', room, payload)); // warms up
  const ended = new AbortController();
  const reading = readStream(redis.url, trial, ended.signal);
  const due = rate * seconds * gateways.length;
  await Promise.all([
    atRate(rate * seconds, async (room, intendedNs) => trial.publish(publisher, room, intendedNs)),
    hasDeploy ? deploy(redis.url, gateways) : undefined,
  ]);
  await untilReceived(trial, due);
  ended.abort();
  await reading;
  await Promise.all(clients.map(async (client) => client.close()));
  await publisher.close();
  for (const { part } of gateways) await part[Symbol.asyncDispose]();
  const rows = trial.rows(hasDeploy ? 'two gateways replaced one after the other' : 'steady');
  const missing = Math.max(0, due - trial.received);
  const head = ['situation', 'stage', 'p50, ms', 'p99, ms', 'p99.9, ms', 'worst, ms'];
  return `${markdown(head, rows)}\n\nMissing: ${missing} of ${due.toLocaleString('en')} deliveries.`;
}

const tables = [await measure(false), await measure(true)];
const text = [
  `${rate} notifications/s of about 350 bytes into ${rooms.length} rooms, for ${seconds} s; two gateways, at each of them one client of \`@millrace/client\` in each room. Time counts from the intended send time. ` +
    'Publisher, reader and clients share a process, so a stage also has the time for which the others kept that process busy.',
  '',
  tables.join('\n\n'),
  '',
  `${machineLine()} Command: \`npm run bench -- stages --seconds ${seconds} --rate ${rate} --write\`.`,
].join('\n');
console.log(`\n${text}`);
if (values.write) writePageTable('latency.md', 'stages', text);
