// Gateways on one Redis, with clients and publishers of two builds. A gateway of either build can replace one of the other.
import { setTimeout as pause } from 'node:timers/promises';
import * as client from '@millrace/client';
import * as publisher from '@millrace/publisher';
import { freePort, type RedisServer, startRedis, startRoundRobinProxy } from '@millrace/testkit';
import { createClient } from '@redis/client';
import { type Judgement, judge, type PublishRecord } from '../../faults/support/oracle.js';
import { RoomClient } from '../../faults/support/room-client.js';
import { isReady } from '../../fixtures/http/readiness.js';
import { cliPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { Resources } from '../../fixtures/systems/resources.js';
import type { Build } from './base-build.js';
import { LibraryClient } from './library-client.js';
import { MixedLoad, type MixedLoadResult, type WaysIn } from './mixed-load.js';
import { ReceiptAudit, type ReceiptJudgement } from './receipt-audit.js';

/** The gateway, publisher and client of a build. */
export type RunnableBuild = Omit<Build, typeof Symbol.asyncDispose>;

/** The build of this working tree. */
export const presentBuild: RunnableBuild = { name: 'present', cli: cliPath, publisher, client };

/** The result of replacing all gateways. */
export interface Replacement {
  readonly from: string;
  readonly to: string;
  readonly seconds: number;
  readonly judgement: Judgement;
  readonly receipts: ReceiptJudgement;
  /** Number of times that a client was told to reload. It must be 0, because Redis lost nothing. */
  readonly reloads: number;
  readonly unconfirmed: number;
  /** Number of entries that gateways refused. It must be 0, because both builds accept all entries. */
  readonly deadLetters: number;
}

const gatewayCount = 3;
const roomCount = 10;
const plainClientsPerRoom = 2;
/** Two clients for each transport. */
const libraryClientsPerBuild = 6;
const eventsPerSecond = 100;
const startLimitMs = 120_000;
const recoveryLimitMs = 180_000;
const quietLimitMs = 20_000;
/** Time under load after each replacement, so that a gateway that starts fast is also judged by enough events. */
const sideBySideMs = 2_000;

interface Seat {
  readonly port: number;
  build: RunnableBuild;
  gateway: GatewayProcess;
  /** True when the proxy sends requests to this gateway. */
  isOffered: boolean;
}

/** A system in which gateways of one build are replaced by gateways of another build. */
export class UpgradeSystem implements AsyncDisposable {
  readonly #redis: RedisServer;
  readonly #seats: readonly Seat[];
  readonly #ways: WaysIn;
  readonly #audit: ReceiptAudit;
  readonly #clients: readonly (RoomClient | LibraryClient)[];
  readonly #resources: Resources;

  private constructor(
    parts: {
      readonly redis: RedisServer;
      readonly seats: readonly Seat[];
      readonly ways: WaysIn;
      readonly audit: ReceiptAudit;
      readonly proxyUrl: string;
      readonly resources: Resources;
    },
    builds: readonly RunnableBuild[],
  ) {
    this.#redis = parts.redis;
    this.#seats = parts.seats;
    this.#ways = parts.ways;
    this.#audit = parts.audit;
    this.#resources = parts.resources;
    this.#clients = [
      ...Array.from(
        { length: roomCount * plainClientsPerRoom },
        (_, index) => new RoomClient(`plain ${index}`, roomOf(index), parts.ways.chooseUrl),
      ),
      ...builds.flatMap((build) =>
        Array.from({ length: libraryClientsPerBuild }, (_, number) => {
          const target = { url: parts.proxyUrl, roomId: roomOf(number), number };
          return new LibraryClient(build, `${build.name} ${number}`, target);
        }),
      ),
    ];
  }

  /** Starts gateways of the first build, and clients and publishers of every build. */
  static async start(builds: readonly [RunnableBuild, ...RunnableBuild[]]): Promise<UpgradeSystem> {
    return Resources.start(async (resources) => {
      const redis = resources.use(await startRedis());
      const seats: Seat[] = [];
      resources.defer(async () => {
        for (const { gateway } of seats) await gateway[Symbol.asyncDispose]();
      });
      for (let number = 1; number <= gatewayCount; number += 1) {
        const port = await freePort();
        const gateway = await startGateway(redis, port, builds[0]);
        seats.push({ port, build: builds[0], gateway, isOffered: true });
      }
      const urls = (): readonly string[] =>
        seats.filter(({ isOffered }) => isOffered).map(({ gateway }) => gateway.url);
      const proxy = resources.use(await startRoundRobinProxy(urls));
      const ways = await openWays(redis, builds, () => anyOf(urls()), resources);
      const audit = resources.use(await ReceiptAudit.start(redis.url));
      const system = new UpgradeSystem({ redis, seats, ways, audit, proxyUrl: proxy.url, resources }, builds);
      try {
        await system.recovered();
      } catch (error) {
        await system.#closeClients();
        throw error;
      }
      return system;
    });
  }

  /** Replaces one gateway after the other under load, and judges the result. */
  async replaceAll(build: RunnableBuild): Promise<Replacement> {
    const from = this.#seats[0]?.build.name ?? '';
    for (const each of this.#clients) each.clear();
    const startMs = performance.now();
    const rooms = Array.from({ length: roomCount }, (_, index) => roomOf(index));
    const load = new MixedLoad(this.#ways, rooms, eventsPerSecond);
    try {
      for (const seat of this.#seats) {
        await this.#replace(seat, build);
        // Gateways of both builds run side by side, and every client must be served.
        await this.recovered();
        await pause(sideBySideMs);
        await this.#audit.read();
      }
    } finally {
      await load.stop();
    }
    const result = await load.stop();
    await this.recovered();
    await this.#settle(result.confirmed);
    return this.#judge({ from, to: build.name, seconds: (performance.now() - startMs) / 1_000 }, result);
  }

  /** Waits until every gateway is ready and every client is in its room. */
  async recovered(): Promise<void> {
    const endMs = performance.now() + recoveryLimitMs;
    for (;;) {
      const ready = await Promise.all(this.#seats.map(({ gateway }) => isReady(gateway.url)));
      const outside = this.#clients.filter(({ isJoined }) => !isJoined);
      if (ready.every(Boolean) && outside.length === 0) return;
      if (performance.now() > endMs) {
        const names = outside.map(({ name }) => name).join(', ');
        throw new Error(`ready: ${ready.join()}; not in their rooms: ${names}`);
      }
      await pause(100);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closeClients();
    await this.#resources[Symbol.asyncDispose]();
  }

  async #closeClients(): Promise<void> {
    await Promise.all(this.#clients.map(async (each) => each.close()));
  }

  async #replace(seat: Seat, build: RunnableBuild): Promise<void> {
    // Takes the gateway out of the proxy, as a load balancer that checks /readyz does.
    seat.isOffered = false;
    const exitCode = await seat.gateway.stop('SIGTERM');
    if (exitCode !== 0)
      throw new Error(`a gateway of ${seat.build.name} ended with ${exitCode}:\n${seat.gateway.output}`);
    seat.build = build;
    seat.gateway = await startGateway(this.#redis, seat.port, build);
    seat.isOffered = true;
  }

  /** Waits until every due event has arrived, or until no event arrives any more. */
  async #settle(confirmed: readonly PublishRecord[]): Promise<void> {
    let before = -1;
    for (let quietSinceMs = performance.now(); performance.now() - quietSinceMs < quietLimitMs; ) {
      const { lost, handled } = judge(confirmed, this.#clients);
      if (lost === 0) return;
      if (handled !== before) quietSinceMs = performance.now();
      before = handled;
      await pause(200);
    }
  }

  async #judge(
    run: Pick<Replacement, 'from' | 'to' | 'seconds'>,
    { confirmed, unconfirmed, receipts }: MixedLoadResult,
  ): Promise<Replacement> {
    const reloads = this.#clients.flatMap(({ records }) => records.filter(({ kind }) => kind === 'reload'));
    const lengths = await Promise.all(
      ['chat', 'ticket', 'notification', 'remote'].map((name) =>
        this.#redis.cli('xlen', `dead:{events:${name}}`),
      ),
    );
    return {
      ...run,
      judgement: judge(confirmed, this.#clients, unconfirmed),
      receipts: await this.#audit.judge(receipts),
      reloads: reloads.length,
      unconfirmed: unconfirmed.size,
      deadLetters: lengths.reduce((sum, length) => sum + Number(length), 0),
    };
  }
}

function anyOf(urls: readonly string[]): string {
  return urls[Math.floor(Math.random() * urls.length)] ?? '';
}

function roomOf(index: number): string {
  return `room-${index % roomCount}`;
}

async function startGateway(redis: RedisServer, port: number, build: RunnableBuild): Promise<GatewayProcess> {
  const environment = {
    MILLRACE_PORT: String(port),
    MILLRACE_REDIS_URL: redis.url,
    MILLRACE_INSTANCE: `gateway-${port}`,
    MILLRACE_INSTANCE_URL: `http://127.0.0.1:${port}`,
    MILLRACE_CONNECTION_KEYS: 'k'.repeat(32),
    MILLRACE_DRAIN_MS: '1500',
  };
  return GatewayProcess.start(environment, { cli: build.cli, limitMs: startLimitMs });
}

async function openWays(
  redis: RedisServer,
  builds: readonly RunnableBuild[],
  chooseUrl: () => string,
  resources: Resources,
): Promise<WaysIn> {
  const publishers = [];
  for (const build of builds) {
    const connected = await build.publisher.connectPublisher({ redisUrl: redis.url });
    resources.defer(() => connected.close());
    publishers.push(withoutTypes(connected));
  }
  const plain = await createClient({ url: redis.url }).connect();
  resources.defer(() => plain.close());
  return { publishers, chooseUrl, xAdd: (stream, fields) => plain.xAdd(stream, '*', fields) };
}
