// Two gateways on a Redis Cluster with three masters and partitioned streams. Unmodified clients receive every event once and
// in order, even if a master fails over or the client changes its gateway.
import { partitionOf } from '@millrace/broker';
import { connectPublisher } from '@millrace/publisher';
import { startRedisCluster, until } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage } from '../../fixtures/events/sample-events.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { Resources } from '../../fixtures/systems/resources.js';

const PARTITIONS = 3;
/** Two rooms for each partition. */
const ROOMS = [0, 1, 2].flatMap((wanted) =>
  Array.from({ length: 200 }, (_, n) => `room-${n}`)
    .filter((room) => partitionOf(room, PARTITIONS) === wanted)
    .slice(0, 2),
);
/** Time limit of a failover. It takes some seconds, and more on a busy machine. */
const FAILOVER_LIMIT_MS = 60_000;

/** Publishes an event, and resolves when it is stored. */
type Publish = (room: string, content: string, eventId: string) => Promise<void>;

/** Publishes messages to all rooms. Retries each message until it is stored, before the next one of its room. */
class RoomLoad {
  readonly sent = new Map(ROOMS.map((room) => [room, [] as string[]]));
  readonly #publish: Publish;
  #isStopping = false;
  #loops: Promise<void>[] = [];

  constructor(publish: Publish) {
    this.#publish = publish;
  }

  start(): void {
    this.#loops = ROOMS.map((room) => this.#run(room));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#loops);
  }

  /** Resolves when `count` more messages are stored in every room. */
  async more(count: number): Promise<void> {
    const goals = new Map([...this.sent].map(([room, ids]) => [room, ids.length + count]));
    await until(
      () => [...this.sent].every(([room, ids]) => ids.length >= (goals.get(room) ?? 0)),
      FAILOVER_LIMIT_MS,
    );
  }

  async #run(room: string): Promise<void> {
    while (!this.#isStopping) {
      const id = crypto.randomUUID();
      for (;;) {
        try {
          await this.#publish(room, 'x', id);
          break;
        } catch {
          // The outcome is unknown. Therefore the same ID must be published again before a newer message.
        }
        // Waits before the retry, like a real producer.
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      this.sent.get(room)?.push(id);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

test('no event is lost, repeated or reordered across a failover, and a client can change its gateway', async () => {
  await using resources = new Resources();
  const cluster = resources.use(await startRedisCluster({ hasReplicas: true }));
  const [first, second] = await Promise.all(
    [cluster.url, cluster.urls].map((url) =>
      GatewayProcess.start({ MILLRACE_REDIS_URL: url, MILLRACE_PARTITIONS: String(PARTITIONS) }),
    ),
  );
  if (first === undefined || second === undefined) throw new Error('two were started');
  for (const gateway of [first, second]) {
    resources.use(gateway);
    // The gateways log one error for each loop that cannot reach a shard.
    gateway.mayLogErrors = true;
  }
  const publisher = await connectPublisher({ redisUrl: cluster.urls });
  resources.defer(() => publisher.close());
  const load = new RoomLoad(async (room, content, eventId) => {
    const event = { ...chatMessage(room, content), event_id: eventId };
    await withoutTypes(publisher).publishEvents([event]);
  });
  const clients = await Promise.all(
    [first, second].map(({ url }) => EventLog.connectAs(url, crypto.randomUUID(), 'Ana')),
  );
  for (const client of clients) resources.use(client);
  const positions = new Map<string, string>();
  for (const room of ROOMS)
    for (const client of clients) positions.set(room, (await client.join(room)).position);

  load.start();
  await load.more(20);
  // A client disconnects from the first gateway, and resumes at the second one after the failover.
  const traveller = await EventLog.connectAs(first.url, crypto.randomUUID(), 'Ben');
  for (const room of ROOMS) await traveller.join(room, positions.get(room));
  await load.more(5);
  await traveller.connection.stop();
  for (const { room_id, position } of traveller.events) positions.set(room_id, position);

  const master = await cluster.masterOf('events:chat.p0');
  await cluster.holdWrites(master);
  await master.stop();
  await until(async () => (await fetch(`${first.url}/readyz`)).status === 503, FAILOVER_LIMIT_MS);
  await load.more(20);
  for (const { url } of [first, second])
    await until(async () => (await fetch(`${url}/readyz`)).status === 200, FAILOVER_LIMIT_MS);
  const returned = resources.use(await EventLog.connectAs(second.url, crypto.randomUUID(), 'Ben'));
  for (const room of ROOMS)
    expect(await returned.join(room, positions.get(room))).toMatchObject({ recovered: true });
  await load.more(10);
  await load.stop();

  for (const [room, sent] of load.sent) {
    for (const client of clients) await client.event(({ event_id }) => event_id === sent.at(-1));
    for (const client of clients) expect(idsOf([client], room)).toEqual(sent);
    await returned.event(({ event_id }) => event_id === sent.at(-1));
    expect(idsOf([traveller, returned], room)).toEqual(sent);
  }
  // Another failover may be in progress on a busy machine.
  await cluster.healthy();
  for (const index of [0, 1, 2])
    expect(
      Number(await cluster.cli(`events:chat.p${index}`, 'xlen', `events:chat.p${index}`)),
    ).toBeGreaterThan(0);
  expect(await cluster.cli('events:chat', 'xlen', 'events:chat')).toBe('0');
  expect(first.output + second.output).not.toContain('CROSSSLOT');
  for (const node of cluster.nodes)
    if (node.isRunning) expect(await node.cli('info', 'errorstats')).not.toContain('CROSSSLOT');
}, 180_000);

/** Returns the IDs of a room's events that these clients received, in the order of their first arrival. */
function idsOf(clients: readonly EventLog[], room: string): readonly string[] {
  const ids = clients.flatMap(({ events }) =>
    events.filter(({ room_id }) => room_id === room).map(({ event_id }) => event_id),
  );
  return [...new Set(ids)];
}
