// One round: a side is started, warmed up, given its load, and judged by what its clients received.
import { Redis } from 'ioredis';
import type { Side, System } from '../systems/side.js';
import type { ClientsCommand, ClientsOrder } from '../traffic/clients.js';
import { decodeHistogram, type Histogram, percentileMs } from '../traffic/histogram.js';
import type { SendOrder, SendReport } from '../traffic/publisher.js';
import type { ReceivedReport } from '../traffic/receipts.js';
import { type CommandCost, costBetween, cpuMsOf, parseCommandStats } from './cost.js';
import { type Part, startRedis, startScript } from './processes.js';
import { percentile } from './statistics.js';

/** A load on a side. */
export interface Load {
  readonly rooms: number;
  readonly clientsPerRoom: number;
  readonly eventsPerSecond: number;
  /** See {@link SendOrder.gridMs}. */
  readonly gridMs: number;
  readonly gateways: number;
  readonly clients: 'light' | 'official';
}

/** Processes whose time is counted. */
export type Role = 'publisher' | 'gateway' | 'redis' | 'clients';

/** What one stretch of load gave. */
export interface Round {
  readonly sent: number;
  readonly failed: number;
  readonly firstFailure?: string;
  readonly expected: number;
  readonly received: number;
  readonly outOfOrder: number;
  readonly closed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Of the generator. */
  readonly lateP50Ms: number;
  readonly lateP99Ms: number;
  /** Events per second that the generator made. */
  readonly madePerSecond: number;
  readonly cpuUsPerEvent: Readonly<Record<Role, number>>;
  readonly redis: Readonly<Record<string, CommandCost>>;
  /** The latencies, as a compressed HdrHistogram. */
  readonly latency: string;
}

/** Nothing new for so long means that the rest is lost. */
const quietMs = 3_000;
const lookMs = 20;

/** A side that runs, with its clients in their rooms. */
export class RunningSide implements AsyncDisposable {
  readonly #parts: Part[] = [];
  readonly #load: Load;
  readonly #redis: Redis;
  readonly #redisPart: Part;
  readonly system: System;
  readonly #clients: Part;
  #nextNumber = 0;

  private constructor(
    load: Load,
    found: {
      readonly redis: Redis;
      readonly redisPart: Part;
      readonly system: System;
      readonly clients: Part;
      readonly parts: Part[];
    },
  ) {
    this.#load = load;
    this.#redis = found.redis;
    this.#redisPart = found.redisPart;
    this.system = found.system;
    this.#clients = found.clients;
    this.#parts = found.parts;
  }

  /** Starts everything. Ends what it started when something fails. */
  static async start(side: Side, load: Load): Promise<RunningSide> {
    const parts: Part[] = [];
    const own = (part: Part): Part => {
      parts.push(part);
      return part;
    };
    try {
      const { part, url } = await startRedis();
      const redisPart = own(part);
      const system = await side.start({ redisUrl: url, gateways: load.gateways, own });
      const { urls, dialect } = system;
      const order: ClientsOrder = {
        urls,
        dialect,
        rooms: roomsOf(load),
        clientsPerRoom: load.clientsPerRoom,
      };
      const script = load.clients === 'light' ? 'traffic/clients.js' : 'traffic/official-clients.js';
      const clients = own(startScript(script, [JSON.stringify(order)]));
      await clients.message();
      const redis = new Redis(url);
      // It ends with its server.
      redis.on('error', () => {});
      return new RunningSide(load, { redis, redisPart, system, clients, parts });
    } catch (error) {
      await endAll(parts);
      throw error;
    }
  }

  /** Sends so many events at this rate and waits until they have all arrived, or nothing more does. */
  async run(load: {
    readonly events: number;
    readonly eventsPerSecond: number;
    readonly gridMs?: number;
  }): Promise<Round> {
    const { events, eventsPerSecond } = load;
    this.#clients.send({ resetTo: this.#nextNumber } satisfies ClientsCommand);
    const before = await this.#commandStats();
    const cpuBefore = this.#cpuMs();
    this.system.publisher.send({
      rooms: roomsOf(this.#load),
      eventsPerSecond,
      events,
      firstNumber: this.#nextNumber,
      gridMs: load.gridMs ?? this.#load.gridMs,
    } satisfies SendOrder);
    const sending = await this.system.publisher.message<SendReport>();
    this.#nextNumber += events;
    const expected = sending.sent * this.#load.clientsPerRoom;
    await this.#settle(expected - sending.failed * this.#load.clientsPerRoom);
    const cpuAfter = this.#cpuMs();
    const commands = costBetween(before, await this.#commandStats());
    this.#clients.send('report' satisfies ClientsCommand);
    const receiving = await this.#clients.message<ReceivedReport>();
    const latency = decodeHistogram(receiving.latency);
    const { received, outOfOrder, closed } = receiving;
    const us = (role: Role): number =>
      ((cpuAfter[role] - cpuBefore[role]) * 1_000) / Math.max(1, sending.sent);
    return {
      sent: sending.sent,
      failed: sending.failed,
      ...(sending.firstFailure === undefined ? {} : { firstFailure: sending.firstFailure }),
      expected,
      received,
      outOfOrder,
      closed,
      ...figuresOf(latency),
      ...lateOf(sending.lateness),
      madePerSecond: sending.sent / (sending.sendingMs / 1_000),
      cpuUsPerEvent: {
        publisher: us('publisher'),
        gateway: us('gateway'),
        redis: us('redis'),
        clients: us('clients'),
      },
      redis: Object.fromEntries([...commands].filter(([name]) => name !== 'info')),
      latency: receiving.latency,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#redis.disconnect();
    await endAll(this.#parts);
  }

  async #settle(due: number): Promise<void> {
    let newest = { received: -1, atMs: performance.now() };
    for (;;) {
      this.#clients.send('count' satisfies ClientsCommand);
      const { received } = await this.#clients.message<{ received: number }>();
      if (received >= due) return;
      if (received > newest.received) newest = { received, atMs: performance.now() };
      else if (performance.now() - newest.atMs > quietMs) return;
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  }

  #cpuMs(): Record<Role, number> {
    const gateway = this.system.gateways.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0);
    return {
      publisher: cpuMsOf(this.system.publisher.pid),
      gateway,
      redis: cpuMsOf(this.#redisPart.pid),
      clients: cpuMsOf(this.#clients.pid),
    };
  }

  async #commandStats(): Promise<ReadonlyMap<string, CommandCost>> {
    return parseCommandStats(await this.#redis.info('commandstats'));
  }
}

/** In reverse order: whoever writes to another one goes first. */
async function endAll(parts: readonly Part[]): Promise<void> {
  for (const part of parts.toReversed()) await part.kill();
}

function roomsOf({ rooms }: Load): readonly string[] {
  return Array.from({ length: rooms }, (_, index) => `room-${index}`);
}

function figuresOf(latency: Histogram): Pick<Round, 'p50Ms' | 'p99Ms' | 'p999Ms' | 'maxMs'> {
  const at = (p: number): number => percentileMs(latency, p);
  return {
    p50Ms: at(50),
    p99Ms: at(99),
    p999Ms: at(99.9),
    maxMs: latency.totalCount === 0 ? Number.NaN : latency.maxValue / 1e6,
  };
}

function lateOf(lateness: SendReport['lateness']): Pick<Round, 'lateP50Ms' | 'lateP99Ms'> {
  if (typeof lateness !== 'string')
    return { lateP50Ms: percentile(lateness, 50) / 1e6, lateP99Ms: percentile(lateness, 99) / 1e6 };
  const histogram = decodeHistogram(lateness);
  return { lateP50Ms: percentileMs(histogram, 50), lateP99Ms: percentileMs(histogram, 99) };
}
