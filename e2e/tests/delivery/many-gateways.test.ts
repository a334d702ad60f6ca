// Several gateways on one Redis. Clients of a room receive all of its events at any gateway. The gateways share the work on
// the consumer groups.
import { createRedisBroker } from '@millrace/broker';
import { eventCatalog } from '@millrace/contract';
import { connectPublisher } from '@millrace/publisher';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import {
  chatMessage,
  chatMessages,
  idsOf,
  idsOfStream,
  lastingEvents,
  type SampleEvent,
  streamNames,
} from '../../fixtures/events/sample-events.js';
import { acceptEvents, statusOf } from '../../fixtures/http/ingest.js';
import {
  assertAllAcknowledged,
  consumerNames,
  eventIdsIn,
  groupInfo,
  pendingCount,
  xaddAll,
  xaddByType,
} from '../../fixtures/redis/plain-redis.js';
import { withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { GatewayRow } from '../../fixtures/systems/gateway-row.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const rooms = ['room-a', 'room-b', 'room-c', 'room-d'];

// Each test except the last leaves three running gateways for the next test.
const row = sharedSystem(() => GatewayRow.start(3));

test('every client in a room receives every event once and in the order of its stream, at any gateway', async () => {
  const { redis, names } = row();
  await using members = await joinEverywhere(names);
  const publisher = await connectPublisher({ redisUrl: redis.url });
  const untyped = withoutTypes(publisher);
  const sent = { library: events(50), http: events(50), plain: events(25) };
  try {
    await Promise.all([
      untyped.publishEvents(sent.library),
      ...names.map((name, at) => acceptEvents(row().get(name).url, everyNth(sent.http, names.length, at))),
      xaddByType(redis, sent.plain),
    ]);
  } finally {
    await publisher.close();
  }
  const all = Object.values(sent).flat();
  await members.received(all.length / rooms.length);
  for (const stream of streamNames) {
    const order = await eventIdsIn(redis, stream);
    for (const { room, log } of members.list) {
      const due = order.filter((id) =>
        all.some(({ event_id, room_id }) => event_id === id && room_id === room),
      );
      expect(due.length).toBeGreaterThan(20);
      expect(idsOfStream(log.events, stream)).toEqual(due);
    }
  }
});

test('the consumer groups contain only the consumers of the gateways’ slots, and all entries are acknowledged', async () => {
  const { redis } = row();
  for (const stream of streamNames) {
    await eventually(() => assertAllAcknowledged(redis, stream));
    expect(await groupInfo(redis, stream)).toMatchObject({ lag: '0', pending: '0' });
    expect(await pendingCount(redis, stream)).toBe(0);
    const allowed = [1, 2, 3].map((slot) => `signalr-instance-${slot}`);
    expect(allowed).toEqual(expect.arrayContaining([...(await consumerNames(redis, stream))]));
  }
});

test('the leases of the streams are spread over the gateways, and each gateway holds a slot', async () => {
  await untilSpread();
  expect(Object.values(await row().slots()).sort()).toEqual(row().names);
  for (const stream of streamNames) expect(await row().registered(stream)).toEqual(row().names);
});

test('no gateway is declared dead and no lease changes hands while Redis stalls for five seconds', async () => {
  const { redis, names } = row();
  await using members = await joinEverywhere(names);
  await untilSpread();
  const [slots, leases] = [await row().slots(), await row().leases()];
  for (const name of names) row().get(name).mayLogErrors = true;
  redis.pause();
  // Five seconds is the promised time. It is longer than a lease, and longer than the silence after which a gateway is
  // declared dead.
  await new Promise((resolve) => setTimeout(resolve, 5_000));
  redis.resume();
  for (const name of names)
    await eventually(async () => expect(await statusOf(`${row().get(name).url}/readyz`)).toBe(200));
  const after = events(5);
  await xaddByType(redis, after);
  await members.received(5);
  for (const stream of streamNames) await eventually(() => assertAllAcknowledged(redis, stream));
  expect(await row().slots()).toEqual(slots);
  for (const [stream, { instance, fence }] of Object.entries(await row().leases())) {
    expect(instance).toBe(leases[stream]?.instance);
    // The gateway's lease expired during the pause. The gateway acquired it again, and no other gateway held it in between.
    expect(fence - (leases[stream]?.fence ?? 0)).toBeLessThanOrEqual(1);
    expect(await row().registered(stream)).toEqual(names);
  }
  for (const { log } of members.list) expect(log.ids).toHaveLength(5);
});

test('a killed gateway’s leases are taken over, and it gets its slot back at its next start', async () => {
  const { redis, names } = row();
  const slots = await row().slots();
  const victim = (await row().leases())['events:chat']?.instance ?? '';
  const others = names.filter((name) => name !== victim);
  await using members = await joinEverywhere(others);
  await row().get(victim).stop('SIGKILL');
  const meanwhile = events(10);
  await xaddByType(redis, meanwhile);
  await members.received(10);
  for (const stream of streamNames) {
    await eventually(() => assertAllAcknowledged(redis, stream));
    await eventually(async () => expect(others).toContain((await row().leases())[stream]?.instance));
    expect(await row().registered(stream)).toEqual(others);
  }
  for (const { log, room } of members.list)
    expect([...log.ids].sort()).toEqual(
      meanwhile
        .filter(({ room_id }) => room_id === room)
        .map(({ event_id }) => event_id)
        .sort(),
    );
  await row().run(victim);
  // One lease for each gateway is enough here, because gateways release additional leases only after some time.
  await untilEachHasOne();
  expect(await row().slots()).toEqual(slots);
  // The gateway gets its slot back even while the killed process still holds it.
  const owner = await row().slotOwner(victim);
  await row().get(victim).stop('SIGKILL');
  await row().run(victim);
  await eventually(async () => expect(await row().slotOwner(victim)).not.toBe(owner));
  expect(await row().slots()).toEqual(slots);
});

test('entries stay unacknowledged while no gateway is alive, and the next gateway delivers them', async () => {
  const { redis, names } = row();
  const stream = 'events:chat';
  let position = '';
  {
    await using members = await joinEverywhere(names.slice(0, 1));
    const seen = chatMessage(rooms[0] ?? '', 'seen');
    await xaddAll(redis, stream, [seen]);
    await members.list[0]?.log.received(1);
    position = members.list[0]?.log.events[0]?.position ?? '';
  }
  await eventually(() => assertAllAcknowledged(redis, stream));
  await Promise.all(names.map((name) => row().get(name).stop('SIGKILL')));
  const meanwhile = chatMessages(rooms[0] ?? '', 50);
  await xaddAll(redis, stream, meanwhile);
  expect(await runPassesUntilAllAreDead(redis.url, stream)).toEqual([...names]);
  // The passes consumed the entries without delivering them. No cursor is live, so no entry is acknowledged.
  expect(await groupInfo(redis, stream)).toMatchObject({ pending: '50', lag: '0' });
  expect(await row().registered(stream)).toEqual([]);
  const { url } = await row().run('gateway-1');
  await eventually(() => assertAllAcknowledged(redis, stream));
  await using client = await EventLog.connect(url);
  const answer = await client.join(rooms[0] ?? '', position);
  expect(answer).toMatchObject({ recovered: true, replayed: 50 });
  expect(client.ids).toEqual(idsOf(meanwhile));
});

/** Connects a client to each of these gateways for each room. */
async function joinEverywhere(names: readonly string[]) {
  return Resources.start(async (resources) => {
    const list = await Promise.all(
      names.flatMap((name) =>
        rooms.map(async (room) => {
          const log = resources.use(await EventLog.connect(row().get(name).url));
          await log.join(room);
          return { room, log };
        }),
      ),
    );
    return {
      list,
      /** Waits until every client has received this many events. */
      received: async (count: number) => void (await Promise.all(list.map(({ log }) => log.received(count)))),
      [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
    };
  });
}

/** Returns `perRoom` events for each room, with the rooms in turn. */
function events(perRoom: number): SampleEvent[] {
  const lists = rooms.map((room) => lastingEvents(room, perRoom));
  return Array.from({ length: perRoom }, (_, at) => lists.flatMap((list) => list.slice(at, at + 1))).flat();
}

function everyNth(list: readonly SampleEvent[], n: number, from: number): SampleEvent[] {
  return list.filter((_, at) => at % n === from);
}

/** Waits until every gateway holds a lease. */
async function untilEachHasOne(): Promise<void> {
  await eventually(async () => {
    const holders = Object.values(await row().leases()).map(({ instance }) => instance);
    expect([...new Set(holders)].sort()).toEqual(row().names);
  });
}

/**
 * Waits until the leases are spread evenly: the streams are assigned to the slots in turn. Then no lease changes its holder.
 */
async function untilSpread(): Promise<void> {
  await eventually(async () => {
    const [slots, leases] = [await row().slots(), await row().leases()];
    const holders = Object.values(slots);
    expect([...holders].sort()).toEqual(row().names);
    expect(streamNames.map((stream) => leases[stream]?.instance)).toEqual(
      streamNames.map((_, at) => holders[at % holders.length]),
    );
  });
}

/**
 * Runs ledger passes that read no new entries, until every gateway is declared dead. Returns the instance
 * names of the dead gateways.
 */
async function runPassesUntilAllAreDead(redisUrl: string, stream: string): Promise<readonly string[]> {
  const broker = createRedisBroker({ url: redisUrl, streams: eventCatalog.streams });
  await broker.open();
  const dead: string[] = [];
  try {
    await eventually(async () => {
      const lease = await broker.acquireLease(stream, 'nobody');
      if (lease === undefined) throw new Error('the lease is not free');
      const result = await broker.runLedgerPass(lease, { consumer: 'signalr-instance-1', count: 200 });
      if (result.status !== 'done') throw new Error('the lease ran out');
      expect(result.acknowledged).toBe(0);
      dead.push(...result.declaredDead);
      expect(dead).toHaveLength(row().names.length);
      await broker.releaseLease(lease);
    });
  } finally {
    await broker.close();
  }
  return dead.map((name) => name.replace(/#.*/, '')).sort();
}
