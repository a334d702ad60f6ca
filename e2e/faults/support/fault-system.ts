// Several gateways on one Redis, many clients and a publisher. All their connections go through proxies that can cause faults.
import { setTimeout as pause } from 'node:timers/promises';
import { connectPublisher } from '@millrace/publisher';
import {
  type RedisServer,
  startHttpProxy,
  startRedis,
  startTcpProxy,
  type TcpProxy,
} from '@millrace/testkit';
import { isReady } from '../../fixtures/http/readiness.js';
import type { Environment } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { type TestPublisher, withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { Resources } from '../../fixtures/systems/resources.js';
import {
  fateOf,
  type OfficialClient,
  startLibraryClient,
  startRecipeClient,
  transports,
} from './official-clients.js';
import { type ClientLog, type Judgement, judge, type OracleOptions } from './oracle.js';
import { RoomClient } from './room-client.js';
import { publishSteadily } from './steady-publisher.js';

/** Options of a system. */
export interface FaultSystemOptions {
  readonly gateways?: number;
  readonly redisArgs?: readonly string[];
  readonly environment?: Environment;
  /**
   * Starts the programs that lead to Redis, such as Sentinels. Returns the URL for the gateways and the
   * publisher. With this option, gateways and publisher connect without proxies. @defaultValue each of them
   * connects through a separate proxy
   */
  readonly urlOf?: (redis: RedisServer, resources: Resources) => Promise<string>;
}

/** The result of a trial. */
export interface Trial extends Judgement {
  /**
   * Recovery time: from the end of the fault until every client has handled all events that were confirmed before the fault ended.
   */
  readonly recoveryMs: number;
  /** Number of replayed events, as reported by the gateways. */
  readonly replayed: number;
}

const roomCount = 50;
const clientsPerRoom = 4;
/** Number of official clients: one of each kind over each transport, each in a different room. */
const officialCount = 2 * Object.keys(transports).length;

/** Number of events in a trial, and their rate. */
export interface TrialLoad {
  readonly events: number;
  readonly eventsPerSecond: number;
}

/**
 * The default is low, because the suite has little time. The scripts of `scripts/reliability.mjs` publish 1,000 events a second.
 */
const eventsPerSecond = Number(process.env['TRIAL_EVENTS_PER_SECOND'] ?? '400');
const usualLoad: TrialLoad = { events: 10 * eventsPerSecond, eventsPerSecond };
export const trialEvents = usualLoad.events;
/** Number of deliveries that are due in a trial with the usual load. */
export const trialDeliveries = trialEvents * clientsPerRoom + officialCount * (trialEvents / roomCount);
/**
 * Maximum time for the system to recover. A client that failed for ten seconds may wait for up to 26 seconds before its next
 * attempt.
 */
const settleMs = 60_000;

/** One gateway, at an address that stays the same across its restarts. */
export class Seat implements AsyncDisposable {
  readonly number: number;
  /** The proxy between the gateway and Redis. */
  readonly redisWire: TcpProxy;
  /** The proxy between the clients and the gateway. */
  readonly clientWire: TcpProxy;
  readonly #environment: Environment;
  gateway: GatewayProcess;

  private constructor(
    number: number,
    wires: readonly [TcpProxy, TcpProxy],
    gateway: GatewayProcess,
    environment: Environment,
  ) {
    this.number = number;
    [this.redisWire, this.clientWire] = wires;
    this.gateway = gateway;
    this.#environment = environment;
  }

  static async start(number: number, redisPort: number, more: Environment): Promise<Seat> {
    const redisWire = await startTcpProxy(redisPort);
    const environment = {
      MILLRACE_REDIS_URL: `redis://127.0.0.1:${redisWire.port}`,
      MILLRACE_INSTANCE: `gateway-${number}`,
      ...more,
    };
    const gateway = await startGateway(environment);
    const clientWire = await startTcpProxy(Number(new URL(gateway.url).port));
    return new Seat(number, [redisWire, clientWire], gateway, environment);
  }

  get url(): string {
    return `http://127.0.0.1:${this.clientWire.port}`;
  }

  /** True while the gateway runs and has not been told to stop. A load balancer sends new requests to such a gateway. */
  get isServing(): boolean {
    return !this.gateway.isEnding;
  }

  isReady(): Promise<boolean> {
    return isReady(this.gateway.url);
  }

  /** Starts a new gateway in place of a gateway that has ended. */
  async restart(): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
    this.gateway = await startGateway(this.#environment);
    this.clientWire.switchTo(Number(new URL(this.gateway.url).port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
    await this.redisWire[Symbol.asyncDispose]();
    await this.clientWire[Symbol.asyncDispose]();
  }
}

async function startGateway(environment: Environment): Promise<GatewayProcess> {
  const gateway = await GatewayProcess.start(environment);
  // The faults cause error lines in the log from time to time.
  gateway.mayLogErrors = true;
  return gateway;
}

/** A system of gateways, clients and a publisher in which a test can cause faults. */
export class FaultSystem implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly seats: readonly Seat[];
  /** The proxy between the publisher and Redis. */
  readonly publisherWire: TcpProxy;
  readonly publisher: TestPublisher;
  readonly clients: readonly RoomClient[];
  /** Clients with the README's recipe or `@millrace/client`. Some of their requests fail at random, even without another fault. */
  readonly officials: readonly OfficialClient[];
  readonly #resources: Resources;

  private constructor(parts: {
    readonly redis: RedisServer;
    readonly seats: readonly Seat[];
    readonly publisherWire: TcpProxy;
    readonly publisher: TestPublisher;
    readonly officials: readonly OfficialClient[];
    readonly resources: Resources;
  }) {
    this.redis = parts.redis;
    this.seats = parts.seats;
    this.publisherWire = parts.publisherWire;
    this.publisher = parts.publisher;
    this.officials = parts.officials;
    this.#resources = parts.resources;
    const anySeat = (): string => this.seats[Math.floor(Math.random() * this.seats.length)]?.url ?? '';
    this.clients = Array.from(
      { length: roomCount * clientsPerRoom },
      (_, index) => new RoomClient(`client ${index}`, `room-${index % roomCount}`, anySeat),
    );
  }

  static async start(options: FaultSystemOptions = {}): Promise<FaultSystem> {
    return Resources.start(async (resources) => {
      const redis = resources.use(await startRedis({ args: options.redisArgs ?? [] }));
      const url = await options.urlOf?.(redis, resources);
      const environment = { ...options.environment, ...(url && { MILLRACE_REDIS_URL: url }) };
      const seats: Seat[] = [];
      for (let number = 1; number <= (options.gateways ?? 2); number += 1)
        seats.push(resources.use(await Seat.start(number, redis.port, environment)));
      const publisherWire = resources.use(await startTcpProxy(redis.port));
      const publisher = await connectPublisher({
        redisUrl: url ?? `redis://127.0.0.1:${publisherWire.port}`,
      });
      resources.defer(() => publisher.close());
      const officials = await startOfficials(seats, resources);
      const parts = { redis, seats, publisherWire, publisher: withoutTypes(publisher), officials, resources };
      const system = new FaultSystem(parts);
      await system.recovered();
      return system;
    });
  }

  /** The logs of all clients. */
  get logs(): readonly ClientLog[] {
    return [...this.clients, ...this.officials];
  }

  /** The clients that were told to reload since the last trial began, with the reasons. */
  get reloads(): readonly string[] {
    return this.logs.flatMap(({ name, records }) =>
      records.flatMap((record) => (record.kind === 'reload' ? [`${name}: ${record.reason}`] : [])),
    );
  }

  /** Waits until every gateway is ready and every client is in its room. */
  async recovered(): Promise<void> {
    const endMs = performance.now() + settleMs;
    for (;;) {
      const ready = await Promise.all(this.seats.map((seat) => seat.isReady()));
      const outside = [...this.clients, ...this.officials].filter(({ isJoined }) => !isJoined);
      if (ready.every(Boolean) && outside.length === 0) return;
      if (performance.now() > endMs)
        throw new Error(`ready: ${ready.join()}; ${outside.length} clients are not in their rooms`);
      await pause(50);
    }
  }

  /**
   * Publishes the events of a trial while `fault` damages the system, and judges the result. The fault begins
   * after a tenth of the publishing time. The fault must end by itself.
   */
  async try(
    fault: (system: FaultSystem) => Promise<void>,
    options: OracleOptions = {},
    load: TrialLoad = usualLoad,
  ): Promise<Trial> {
    await this.recovered();
    for (const client of [...this.clients, ...this.officials]) client.clear();
    const rooms = Array.from({ length: roomCount }, (_, index) => `room-${index}`);
    const publishing = publishSteadily(this.publisher, { ...load, rooms });
    await pause((load.events / load.eventsPerSecond) * 100);
    await fault(this);
    const healedAtMs = performance.now();
    const { confirmed, unconfirmed } = await publishing;
    await this.recovered();
    await this.#settle(confirmed);
    const judgement = judge(confirmed, this.logs, unconfirmed, options);
    const replayed = this.clients.reduce((sum, client) => sum + client.replayedCount, 0);
    return { ...judgement, replayed, recoveryMs: this.#recoveryMs(confirmed, healedAtMs) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.clients) client.close();
    for (const client of this.officials) await client.close();
    await this.#resources[Symbol.asyncDispose]();
  }

  /** Waits until every due event has arrived, but not longer than `settleMs`. */
  async #settle(confirmed: Parameters<typeof judge>[0]): Promise<void> {
    const endMs = performance.now() + settleMs;
    while (performance.now() < endMs && judge(confirmed, this.logs).lost > 0) await pause(100);
  }

  #recoveryMs(confirmed: Parameters<typeof judge>[0], healedAtMs: number): number {
    const due = new Set(
      confirmed.filter(({ confirmedAtMs }) => confirmedAtMs <= healedAtMs).map(({ eventId }) => eventId),
    );
    let lastMs = healedAtMs;
    for (const { records } of this.logs) {
      const last = records.findLast((record) => record.kind === 'handled' && due.has(record.eventId));
      if (last !== undefined) lastMs = Math.max(lastMs, last.atMs);
    }
    return lastMs - healedAtMs;
  }
}

/** Starts the official clients. Each client has its own HTTP proxy in front of the proxies of the gateways. */
async function startOfficials(
  seats: readonly Seat[],
  resources: Resources,
): Promise<readonly OfficialClient[]> {
  const officials: OfficialClient[] = [];
  for (const start of [startRecipeClient, startLibraryClient]) {
    for (const transport of Object.keys(transports) as (keyof typeof transports)[]) {
      const wire = resources.use(await startHttpProxy(balancerOf(seats, officials.length)));
      wire.decide((request) => fateOf(request, Math.random));
      const { url } = wire;
      officials.push(await start(url, `room-${officials.length}`, transport));
    }
  }
  return officials;
}

/**
 * Returns a function that chooses a gateway's port like a load balancer with sticky sessions: always the same gateway until it
 * stops, and then the next gateway.
 */
function balancerOf(seats: readonly Seat[], first: number): () => number {
  let at = first;
  return () => {
    for (let step = 0; step < seats.length && seats[at % seats.length]?.isServing !== true; step += 1)
      at += 1;
    return seats[at % seats.length]?.clientWire.port ?? 0;
  };
}
