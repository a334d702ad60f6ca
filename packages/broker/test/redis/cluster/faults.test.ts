// Faults of a cluster: a master fails, a replica is promoted, or a slot moves. An entry that was confirmed to a publisher and
// replicated is never lost. Each stream keeps its order.
import {
  type Broker,
  type BrokerState,
  createRedisBroker,
  createSubscriber,
  type Entry,
} from '@millrace/broker';
import {
  append,
  CHAT,
  codeOf,
  type RedisCluster,
  SUITE_OPTIONS,
  startRedis,
  startRedisCluster,
  until,
} from '@millrace/testkit';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';

const TEST_TIMEOUT_MS = 120_000;
/** A stream whose master is not the master of CHAT. */
const OTHER = 'events:notification';
const OPTIONS = {
  ...SUITE_OPTIONS,
  streams: [CHAT, OTHER].map((name) => ({ name, maxLength: 100_000 })),
};
let cluster: RedisCluster;

beforeAll(async () => {
  cluster = await startRedisCluster({ hasReplicas: true, needsEverySlot: false });
}, 90_000);

afterAll(() => cluster[Symbol.asyncDispose]());

beforeEach(async () => {
  for (const node of cluster.nodes) if (!node.isRunning) await node.restart();
  await cluster.healthy();
  await cluster.flush();
}, 90_000);

/** A publisher that retries until each number is stored, and a subscriber that reads the numbers. */
class Load implements AsyncDisposable {
  readonly broker: Broker;
  readonly states: BrokerState[] = [];
  /** Stream → the numbers that the subscriber has handled, without repeats. */
  readonly handled = new Map<string, number[]>([
    [CHAT, []],
    [OTHER, []],
  ]);
  readonly gaps: string[] = [];
  readonly publisher: Broker;
  readonly #subscriber;
  readonly #loops: Promise<void>[] = [];
  readonly #published = new Map([
    [CHAT, 0],
    [OTHER, 0],
  ]);
  #isStopping = false;

  constructor(broker: Broker, publisher: Broker) {
    this.broker = broker;
    this.publisher = publisher;
    broker.onStateChange((state) => this.states.push(state));
    this.#subscriber = createSubscriber(broker, {
      name: 'gateway',
      onEntry: (stream, { fields }) => {
        const handled = this.handled.get(stream);
        const number = Number(fields['n']);
        if (handled?.includes(number) === false) handled.push(number);
      },
      onGap: (stream, lost) => this.gaps.push(`${stream} lost ${lost}`),
    });
  }

  get isCaughtUp(): boolean {
    return this.#subscriber.isCaughtUp;
  }

  async start(): Promise<void> {
    await this.#subscriber.start();
    for (const stream of [CHAT, OTHER]) this.#loops.push(this.#publishTo(stream));
  }

  /** Resolves when `count` more numbers are stored in the stream. */
  async stored(stream: string, count: number): Promise<void> {
    const goal = (this.#published.get(stream) ?? 0) + count;
    await until(() => (this.#published.get(stream) ?? 0) >= goal);
  }

  /** Stops publishing and waits until the subscriber has handled every entry that is in the stream now. Checks the order. */
  async judgeByStream(stream: string): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#loops);
    const handled = this.handled.get(stream) ?? [];
    const stored = new Set<number>();
    for (let after = '0-0'; ; ) {
      // The node may be replaced during the call. The broker does not retry, so the test does.
      let page: readonly Entry[] = [];
      const read = async (): Promise<void> => {
        page = await this.broker.readRange(stream, { after, count: 1_000 });
      };
      await until(async () => (await codeOf(read())) === 'resolved');
      for (const { fields } of page) stored.add(Number(fields['n']));
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.id;
    }
    await until(() => [...stored].every((n) => handled.includes(n)));
    expect(handled).toEqual(handled.toSorted((a, b) => a - b));
  }

  /**
   * Stops publishing and waits until everything that was published is handled. Checks that nothing is missing and that the order is
   * right.
   */
  async judge(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#loops);
    for (const [stream, count] of this.#published) {
      const handled = this.handled.get(stream) ?? [];
      await until(() => handled.length >= count);
      expect(handled).toEqual(Array.from({ length: count }, (_, n) => n));
    }
    await until(() => this.isCaughtUp);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#loops);
    await this.#subscriber.stop();
    await Promise.all([this.broker.close(), this.publisher.close()]);
  }

  /** Publishes one entry at a time, as a producer does that must keep the order despite failures. */
  async #publishTo(stream: string): Promise<void> {
    for (let n = 0; !this.#isStopping; n++) {
      const entry = { stream, fields: { n: String(n) }, dedupeId: `${stream}-${n}` };
      while ((await codeOf(append(this.publisher, entry))) !== 'resolved') {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      this.#published.set(stream, n + 1);
    }
  }
}

async function startLoad(url = cluster.url): Promise<Load> {
  const options = { ...OPTIONS, livenessMs: 3_000, leaseMs: 3_000, url };
  const [broker, publisher] = [createRedisBroker(options), createRedisBroker(options)];
  await Promise.all([broker.open(), publisher.open()]);
  const load = new Load(broker, publisher);
  await load.start();
  return load;
}

/** Returns the number of error replies of each kind that the running nodes have given since their start. */
async function errorStats(): Promise<string> {
  const living = cluster.nodes.filter(({ isRunning }) => isRunning);
  return (await Promise.all(living.map((node) => node.cli('info', 'errorstats')))).join('\n');
}

it('a broker whose URL names one node of a cluster finds the other nodes', async () => {
  for (const { url } of cluster.nodes) {
    const broker = createRedisBroker({ ...OPTIONS, url });
    await broker.open();
    await append(broker, { stream: CHAT, fields: { n: '1' } });
    await append(broker, { stream: OTHER, fields: { n: '1' } });
    expect(broker.readGroups).toEqual([[CHAT], [OTHER]]);
    await broker.close();
  }
  expect((await cluster.masterOf(CHAT)).port).not.toBe((await cluster.masterOf(OTHER)).port);
});

it('a broker tries the next address of its URL if an address cannot be reached', async () => {
  const port = new URL(cluster.url).port;
  const broker = createRedisBroker({ ...OPTIONS, url: `redis://127.0.0.1:1,127.0.0.1:${port}` });
  await broker.open();
  expect((await append(broker, { stream: CHAT, fields: { n: '1' } })).isDuplicate).toBe(false);
  await broker.close();
});

it('a URL with several addresses is refused if the servers are not nodes of a cluster', async () => {
  await using redis = await startRedis();
  const broker = createRedisBroker({
    ...OPTIONS,
    url: `redis://127.0.0.1:${redis.port},127.0.0.1:${redis.port}`,
  });
  expect(await codeOf(broker.open())).toBe('refused');
  await broker.close();
});

it(
  'the broker loses no entry when a replica replaces a killed master, and other streams continue',
  async () => {
    await using load = await startLoad();
    await load.stored(CHAT, 200);
    const master = await cluster.masterOf(CHAT);
    await cluster.holdWrites(master);
    const before = load.states.length;
    await master.stop();
    // The subscriber's broker notices the failure on its reading connection. The publisher's broker reads nothing, and
    // notices it when it requests the slot map.
    await until(() => load.broker.state === 'unavailable');
    await until(() => load.publisher.state === 'unavailable');
    const handled = load.handled.get(OTHER)?.length ?? 0;
    await load.stored(OTHER, 20);
    await until(() => (load.handled.get(OTHER)?.length ?? 0) >= handled + 20);
    // The replica has not taken over yet, so the entries above were handled while the shard was unavailable.
    expect(load.broker.state).toBe('unavailable');
    await until(() => load.broker.state === 'ready' && load.publisher.state === 'ready');
    await load.stored(CHAT, 200);
    await load.judge();
    // The state changes once when the master fails, and once when the shard is available again. Both may happen a second time
    // before the cluster is stable.
    expect(load.states.length - before).toBeLessThanOrEqual(4);
    expect(await errorStats()).not.toContain('CROSSSLOT');
  },
  TEST_TIMEOUT_MS,
);

it(
  'the broker loses no entry when a replica is promoted under load',
  async () => {
    await using load = await startLoad();
    await load.stored(CHAT, 200);
    const master = await cluster.masterOf(CHAT);
    const replica = await cluster.replicaOf(master);
    expect(await replica.cli('cluster', 'failover')).toBe('OK');
    await until(async () => (await replica.cli('role')).startsWith('master'));
    await load.stored(CHAT, 200);
    await load.judge();
    expect(load.gaps).toEqual([]);
    expect(load.broker.state).toBe('ready');
  },
  TEST_TIMEOUT_MS,
);

it(
  'the broker loses no entry when a slot moves to another master under load',
  async () => {
    await using load = await startLoad();
    await load.stored(CHAT, 200);
    const source = await cluster.masterOf(CHAT);
    await cluster.moveSlot(CHAT, {
      beforeKeys: () => load.stored(OTHER, 20),
      afterKeys: () => load.stored(OTHER, 20),
    });
    await load.stored(CHAT, 200);
    await load.judge();
    expect(load.gaps).toEqual([]);
    expect((await cluster.masterOf(CHAT)).port).not.toBe(source.port);
    expect(await errorStats()).not.toContain('CROSSSLOT');
  },
  TEST_TIMEOUT_MS,
);

it(
  'a stream whose key has moved before its slot stays readable and later accepts publishes',
  async () => {
    const broker = createRedisBroker({ ...OPTIONS, url: cluster.url });
    await broker.open();
    const entry = { stream: CHAT, fields: { n: '1' }, dedupeId: 'one' };
    const { id } = await append(broker, entry);
    const reading = { count: 10, blockMs: 1_000 };
    let waiting: Promise<unknown> = Promise.resolve();
    await cluster.moveSlot(CHAT, {
      afterKeys: async () => {
        const found = await broker.readAfter(new Map([[CHAT, '0-0']]), reading);
        expect(found.get(CHAT)?.map((read) => read.id)).toEqual([id]);
        expect(await broker.readAfter(new Map([[CHAT, id]]), reading)).toEqual(new Map());
        expect(await broker.readRange(CHAT, { count: 10 })).toHaveLength(1);
        waiting = append(broker, { ...entry, dedupeId: 'two' });
      },
    });
    expect(await waiting).toMatchObject({ isDuplicate: false });
    await broker.close();
  },
  TEST_TIMEOUT_MS,
);

it(
  'the broker reads no entries from a master that was replaced during a pause without noticing it',
  async () => {
    await using load = await startLoad();
    await load.stored(CHAT, 100);
    const master = await cluster.masterOf(CHAT);
    master.pause();
    try {
      // After the pause, the old master executes commands that it received during the pause. No other node has their entries.
      await load.stored(CHAT, 100);
    } finally {
      master.resume();
    }
    await load.judgeByStream(CHAT);
  },
  TEST_TIMEOUT_MS,
);
