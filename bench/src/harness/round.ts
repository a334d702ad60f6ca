// Runs one round: starts a side, warms it up, puts a load on it, and measures what its clients receive.
import { Redis } from 'ioredis';
import type { Side, System } from '../systems/side.js';
import type { ClientsCommand, ClientsOrder } from '../traffic/clients.js';
import { type Mix, markedIn } from '../traffic/events.js';
import { decodeHistogram, type Histogram, percentileMs } from '../traffic/histogram.js';
import type { SendOrder, SendReport } from '../traffic/publisher.js';
import type { ReceivedReport } from '../traffic/receipts.js';
import type { ResumeCommand, Returned } from '../traffic/resuming-clients.js';
import { type CommandCost, costBetween, cpuMsOf, parseCommandStats, rssKibOf } from './cost.js';
import { type Part, startRedis, startScript } from './processes.js';
import { percentile } from './statistics.js';

/** The scripts of the client processes, by kind of client. */
const clientScripts = {
  light: 'traffic/clients.js',
  official: 'traffic/official-clients.js',
  resuming: 'traffic/resuming-clients.js',
} as const;

/** A load that is put on a side (a compared system). */
export interface Load {
  readonly rooms: number;
  readonly clientsPerRoom: number;
  /** Number of rooms that each client joins. Applies only to light clients. @defaultValue 1 */
  readonly roomsPerClient?: number;
  readonly eventsPerSecond: number;
  /** See {@link SendOrder.gridMs}. */
  readonly gridMs: number;
  readonly gateways: number;
  /** Kind of the events. @defaultValue chat */
  readonly mix?: Mix;
  readonly clients: keyof typeof clientScripts;
}

/** The processes whose CPU time is measured. */
export type Role = 'publisher' | 'gateway' | 'redis' | 'clients';

/** One period of load. Without `gridMs`, the `gridMs` of the {@link Load} applies. */
export interface Sending {
  readonly events: number;
  readonly eventsPerSecond: number;
  readonly gridMs?: number;
}

/** The result of one period of load. */
export interface Round {
  readonly sent: number;
  readonly failed: number;
  readonly firstFailure?: string;
  /** Number of deliveries that are due. Events that the publisher reported as failed do not count. */
  readonly expected: number;
  readonly received: number;
  readonly outOfOrder: number;
  readonly closed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
  /** Percentiles of the time by which the generator itself was late. */
  readonly lateP50Ms: number;
  readonly lateP99Ms: number;
  /** Events per second that the generator really sent. */
  readonly madePerSecond: number;
  readonly cpuUsPerEvent: Readonly<Record<Role, number>>;
  readonly redis: Readonly<Record<string, CommandCost>>;
  /** The latencies, as a compressed HdrHistogram. */
  readonly latency: string;
}

/** The missing events count as lost after this time without a new event. */
const quietMs = 3_000;
const lookMs = 20;

/** A running side whose clients are all in their rooms. */
export class RunningSide implements AsyncDisposable {
  readonly #parts: readonly Part[];
  readonly #load: Load;
  readonly #kibBefore: number;
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
      readonly kibBefore: number;
    },
  ) {
    this.#load = load;
    this.#redis = found.redis;
    this.#redisPart = found.redisPart;
    this.system = found.system;
    this.#clients = found.clients;
    this.#parts = found.parts;
    this.#kibBefore = found.kibBefore;
  }

  /** Starts the side, its Redis and its clients. If a start fails, ends the processes that already run. */
  static async start(side: Side, load: Load): Promise<RunningSide> {
    const parts: Part[] = [];
    let hasFailed = false;
    const own = (part: Part): Part => {
      parts.push(part);
      // Another start failed while this process was starting.
      if (hasFailed) void part.kill();
      return part;
    };
    try {
      const { part, url } = await startRedis();
      const redisPart = own(part);
      const system = await side.start({
        redisUrl: url,
        gateways: load.gateways,
        mix: load.mix ?? 'chat',
        own,
      });
      const { urls, dialect } = system;
      const order: ClientsOrder = {
        urls,
        dialect,
        rooms: roomsOf(load),
        clientsPerRoom: load.clientsPerRoom,
        roomsPerClient: load.roomsPerClient ?? 1,
      };
      const kibBefore = kibOf(system);
      const clients = own(startScript(clientScripts[load.clients], [JSON.stringify(order)]));
      await clients.message();
      const redis = new Redis(url);
      // This connection fails when its Redis ends, so the error is expected.
      redis.on('error', () => {});
      return new RunningSide(load, { redis, redisPart, system, clients, parts, kibBefore });
    } catch (error) {
      hasFailed = true;
      await endAll(parts);
      throw error;
    }
  }

  /** Sends events at a rate, whether or not clients are connected. */
  async publish(load: Sending): Promise<SendReport> {
    const { events, eventsPerSecond, gridMs = this.#load.gridMs } = load;
    const firstNumber = this.#nextNumber;
    this.#nextNumber += events;
    const rooms = roomsOf(this.#load);
    this.system.publisher.send({ rooms, eventsPerSecond, events, firstNumber, gridMs } satisfies SendOrder);
    return this.system.publisher.message<SendReport>();
  }

  /** Closes the connections of all clients, sends events that they miss, and lets all clients reconnect at the same moment. */
  async loseAndReturn(
    missed: Sending,
  ): Promise<Returned & { readonly due: number; readonly redis: Round['redis'] }> {
    this.#clients.send('drop' satisfies ResumeCommand);
    await this.#clients.message();
    this.#clients.send({ resetTo: this.#nextNumber } satisfies ResumeCommand);
    const { sent, failed } = await this.publish(missed);
    const due = (sent - failed) * this.#load.clientsPerRoom;
    const before = await this.#commandStats();
    this.#clients.send({ returnUntil: due } satisfies ResumeCommand);
    const returned = await this.#clients.message<Returned>();
    return { ...returned, due, redis: commandsOf(costBetween(before, await this.#commandStats())) };
  }

  /**
   * Sends events at a rate, and waits until all have arrived or no more arrive. `meanwhile` runs at the same time. The CPU
   * time of a process that `meanwhile` replaces is wrong.
   */
  async run(load: Sending, meanwhile?: () => Promise<void>): Promise<Round> {
    const firstNumber = this.#nextNumber;
    this.#clients.send({ resetTo: firstNumber } satisfies ClientsCommand);
    const before = await this.#commandStats();
    const cpuBefore = this.#cpuMs();
    const [sending] = await Promise.all([this.publish(load), meanwhile?.()]);
    const { mix = 'chat', clientsPerRoom } = this.#load;
    // An event that the publisher reported as failed need not be delivered.
    const promised = markedIn(mix, firstNumber, sending.sent) - (mix === 'chat' ? sending.failed : 0);
    const expected = promised * clientsPerRoom;
    await this.#settle(expected);
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
      redis: commandsOf(commands),
      latency: receiving.latency,
    };
  }

  /** Returns the memory of the gateways before the first client connected, and now, in KiB. */
  gatewayKib(): { readonly before: number; readonly now: number } {
    return { before: this.#kibBefore, now: kibOf(this.system) };
  }

  /**
   * From now on, clients that lose their connection reconnect by themselves. This works only for clients of the kind
   * `resuming`.
   */
  letClientsReturn(): void {
    this.#clients.send('autoReturn' satisfies ResumeCommand);
  }

  /** Returns the number of connections that have ended. */
  async closedConnections(): Promise<number> {
    this.#clients.send('report' satisfies ClientsCommand);
    return (await this.#clients.message<ReceivedReport>()).closed;
  }

  /** Returns the CPU time of the gateways so far. */
  gatewayCpuMs(): number {
    return this.#cpuMs().gateway;
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

/** The processes end in reverse order. Each ends before the process to which it writes. */
async function endAll(parts: readonly Part[]): Promise<void> {
  for (const part of parts.toReversed()) await part.kill();
}

function kibOf({ gateways }: System): number {
  return gateways.reduce((sum, { pid }) => sum + rssKibOf(pid), 0);
}

function roomsOf({ rooms }: Load): readonly string[] {
  return Array.from({ length: rooms }, (_, index) => `room-${index}`);
}

/** Returns the commands without `INFO`, which only this program calls. */
function commandsOf(commands: ReadonlyMap<string, CommandCost>): Round['redis'] {
  return Object.fromEntries([...commands].filter(([name]) => name !== 'info'));
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
