// Several gateways on one Redis, many clients and a publisher. Their connections go through proxies that can cause faults.
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
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
import { judgeSessions, type SessionJudgement } from './session-oracle.js';
import { Standstill } from './standstill.js';
import { publishSteadily } from './steady-publisher.js';
import type { Steps } from './steps.js';
import { type PlainViewClient, startPlainClient, startResumingClient } from './view-clients.js';

/** Options of a system. */
export interface FaultSystemOptions {
  readonly gateways?: number;
  readonly redisArgs?: readonly string[];
  readonly environment?: Environment;
  /**
   * Starts the programs that lead to Redis, such as Sentinels. Returns the URL for the gateways and the publisher, which then
   * use no proxies. @defaultValue each of them connects through its own proxy
   */
  readonly urlOf?: (redis: RedisServer, resources: Resources) => Promise<string>;
}

/** The result of a trial. */
export interface Trial extends Judgement {
  /** Recovery time: from the end of the fault until every client has handled all events that were confirmed before. */
  readonly recoveryMs: number;
  /** Number of replayed events, as reported by the gateways. */
  readonly replayed: number;
  /** The findings for clients of the view that cannot resume. */
  readonly plain: SessionJudgement;
}

const roomCount = 50;
const clientsPerRoom = 4;
/** Clients of the view with each protocol, of those that resume and of those that cannot. */
const viewClientsPerKind = 2;
/**
 * Number of clients with the official library that resume: one of each kind over each transport, and those of the view. Each is in a
 * different room.
 */
const officialCount = 2 * Object.keys(transports).length + 2 * viewClientsPerKind;

/** For each client of the view of one kind: true if it uses MessagePack. */
const ofView = Array.from({ length: 2 * viewClientsPerKind }, (_, index) => index % 2 === 1);

/** Number of events in a trial, and their rate. */
export interface TrialLoad {
  readonly events: number;
  readonly eventsPerSecond: number;
}

/** The default is low, because the suite has little time. `scripts/reliability.mjs` publishes 1,000 events a second. */
const eventsPerSecond = Number(process.env['TRIAL_EVENTS_PER_SECOND'] ?? '400');
const usualLoad: TrialLoad = { events: 10 * eventsPerSecond, eventsPerSecond };
export const trialEvents = usualLoad.events;
/** Number of due deliveries in a trial with the usual load. */
export const trialDeliveries = trialEvents * clientsPerRoom + officialCount * (trialEvents / roomCount);
/**
 * Maximum time in which the recovery of the system makes no progress. A client that has failed for ten seconds may wait up to 26
 * seconds before its next attempt.
 */
const settleMs = 60_000;

/** One gateway. Its address stays the same across restarts. */
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

  /** True while the gateway runs and has not been told to stop. A load balancer then sends new requests to it. */
  get isServing(): boolean {
    return !this.gateway.isEnding;
  }

  isReady(): Promise<boolean> {
    return isReady(this.gateway.url);
  }

  /** Starts a new gateway in the place of one that has ended. */
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
  /** Clients of the view that cannot resume. */
  readonly plainClients: readonly PlainViewClient[];
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
    this.#resources = parts.resources;
    const anySeat = (): string => this.seats[Math.floor(Math.random() * this.seats.length)]?.url ?? '';
    this.clients = Array.from(
      { length: roomCount * clientsPerRoom },
      (_, index) => new RoomClient(`client ${index}`, `room-${index % roomCount}`, anySeat),
    );
    const room = (index: number): string => `room-${parts.officials.length + index}`;
    this.officials = [
      ...parts.officials,
      ...ofView.map((isBinary, index) => startResumingClient(anySeat, room(index), isBinary)),
    ];
    this.plainClients = ofView.map((isBinary, index) =>
      startPlainClient(anySeat, room(ofView.length + index), isBinary),
    );
  }

  static async start(options: FaultSystemOptions = {}): Promise<FaultSystem> {
    return Resources.start(async (resources) => {
      const redis = resources.use(await startRedis({ args: options.redisArgs ?? [] }));
      const url = await options.urlOf?.(redis, resources);
      const environment = {
        MILLRACE_APP: fileURLToPath(new URL('view-app.mjs', import.meta.url)),
        ...options.environment,
        ...(url && { MILLRACE_REDIS_URL: url }),
      };
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
      // The clients end before the proxies that they connect to, even if they do not all get into their rooms.
      resources.defer(() => system.#closeClients());
      await system.recovered();
      return system;
    });
  }

  /** All processes of the system: Redis, the gateways, and this one with the clients and the publisher. */
  get processIds(): readonly number[] {
    return [process.pid, this.redis.pid, ...this.seats.flatMap(({ gateway }) => gateway.child.pid ?? [])];
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
    const standstill = new Standstill(settleMs);
    for (;;) {
      const ready = await Promise.all(this.seats.map((seat) => seat.isReady()));
      const outside = [...this.clients, ...this.officials, ...this.plainClients].filter(
        ({ isJoined }) => !isJoined,
      );
      const unready = ready.filter((isReady) => !isReady).length;
      if (unready + outside.length === 0) return;
      if (standstill.isReached(unready + outside.length)) throw new Error(this.#unrecovered(ready, outside));
      await pause(50);
    }
  }

  #unrecovered(ready: readonly boolean[], outside: readonly { name: string; steps: Steps }[]): string {
    const clients = outside.slice(0, 5).map(({ name, steps }) => `${name}: ${steps.summary}`);
    const gateways = this.seats.map(({ gateway }) => gateway.lines.slice(-10).join('\n'));
    return [
      `ready: ${ready.join()}; ${outside.length} clients are not in their rooms`,
      ...clients,
      ...gateways,
    ].join('\n');
  }

  /**
   * Publishes the events of a trial while `fault` damages the system, and judges the result. The fault begins after a tenth
   * of the publishing time, and must end by itself.
   */
  async try(
    fault: (system: FaultSystem) => Promise<void>,
    options: OracleOptions = {},
    load: TrialLoad = usualLoad,
  ): Promise<Trial> {
    await this.recovered();
    for (const client of [...this.clients, ...this.officials, ...this.plainClients]) client.clear();
    const rooms = Array.from({ length: roomCount }, (_, index) => `room-${index}`);
    const publishing = publishSteadily(this.publisher, { ...load, rooms });
    await pause((load.events / load.eventsPerSecond) * 100);
    await fault(this);
    const healedAtMs = performance.now();
    const { confirmed, unconfirmed } = await publishing;
    await this.recovered();
    await this.#settle(confirmed);
    const judgement = judge(confirmed, this.logs, unconfirmed, options);
    const plain = judgeSessions(confirmed, this.plainClients, unconfirmed);
    const replayed = this.clients.reduce((sum, client) => sum + client.replayedCount, 0);
    return { ...judgement, plain, replayed, recoveryMs: this.#recoveryMs(confirmed, healedAtMs) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources[Symbol.asyncDispose]();
  }

  async #closeClients(): Promise<void> {
    for (const client of this.clients) client.close();
    for (const client of [...this.officials, ...this.plainClients]) await client.close();
  }

  /** Waits until every due event has arrived, or until none has arrived for `settleMs`. */
  async #settle(confirmed: Parameters<typeof judge>[0]): Promise<void> {
    const standstill = new Standstill(settleMs);
    for (;;) {
      const missing = judge(confirmed, this.logs).lost + judgeSessions(confirmed, this.plainClients).missing;
      if (missing === 0 || standstill.isReached(missing)) return;
      await pause(100);
    }
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
      const client = await start(url, `room-${officials.length}`, transport);
      resources.defer(() => client.close());
      officials.push(client);
    }
  }
  return officials;
}

/**
 * Returns a function that chooses a gateway's port, as a load balancer with sticky sessions does. It chooses the same gateway
 * until that one stops, then the next.
 */
function balancerOf(seats: readonly Seat[], first: number): () => number {
  let at = first;
  return () => {
    for (let step = 0; step < seats.length && seats[at % seats.length]?.isServing !== true; step += 1)
      at += 1;
    return seats[at % seats.length]?.clientWire.port ?? 0;
  };
}
