// Entries that leave a stream before every gateway has read them are counted exactly. Only the clients that missed them are
// told so.
import { randomUUID } from 'node:crypto';
import { createRedisBroker, partitionOf, type ReadProgress } from '@millrace/broker';
import { eventCatalog } from '@millrace/contract';
import { type RedisServer } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import {
  chatMessage,
  chatMessages,
  type SampleEvent,
  sampleEvent,
} from '../../fixtures/events/sample-events.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { assertAllAcknowledged, groupInfo, xaddAll } from '../../fixtures/redis/plain-redis.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

test.each([
  ['exactly', '=', 10],
  ['about', '~', 100],
])(
  'entries that XTRIM removes (%s) before a frozen gateway reads them are counted',
  async (_, precision, length) => {
    await using system = await startOnRedis({ gateways: 2 });
    const { redis, gateway: ahead } = system;
    const behind = system.gatewayAt(1);
    behind.mayLogErrors = true;
    const roomId = randomUUID();
    await using reader = await EventLog.connect(ahead.url);
    await using other = await EventLog.connect(behind.url);
    const [told, toldOther] = [resyncsOf(reader), resyncsOf(other)];
    await Promise.all([reader.join(roomId), other.join(roomId)]);
    const before = chatMessage(roomId, 'before');
    await xaddAll(redis, 'events:chat', [before]);
    const { position } = await other.event(({ event_id }) => event_id === before.event_id);

    behind.child.kill('SIGSTOP');
    const events = chatMessages(roomId, 800);
    await xaddAll(redis, 'events:chat', events);
    await reader.received(801);
    await redis.cli('XTRIM', 'events:chat', 'MAXLEN', precision, String(length));
    const left = Number(await redis.cli('XLEN', 'events:chat'));
    behind.child.kill('SIGCONT');
    await eventually(() => expect(toldOther.of(roomId)).toEqual(['gap']));
    const last = chatMessage(roomId, 'last');
    await xaddAll(redis, 'events:chat', [last]);

    // The client first receives the entries that were on their way when the gateway was frozen. Then it receives the entries
    // that are left in the stream.
    const ids = await other.idsUpTo(last.event_id);
    const onTheWay = ids.length - 1 - left - 1;
    const all = [before, ...events].map(({ event_id }) => event_id);
    expect(ids).toEqual([...all.slice(0, 1 + onTheWay), ...all.slice(-left), last.event_id]);
    const lost = events.length - left - onTheWay;
    expect(lost).toBeGreaterThan(500);
    expect(await readMetric(behind.url, 'events_dropped_total', { reason: 'expired' })).toBe(lost);
    expect(await readMetric(behind.url, 'event_gap_entries_total', { stream: 'events:chat' })).toBe(lost);
    expect(toldOther.of(roomId)).toEqual(['gap']);
    expect(await other.join(roomId, position)).toMatchObject({ recovered: false, replayed: 0 });

    // The other gateway has read every entry, so it sends no resync. It replays all events to clients that
    // resume.
    await reader.idsUpTo(last.event_id);
    expect(await readMetric(ahead.url, 'events_dropped_total', { reason: 'expired' })).toBe(0);
    expect(told.rooms).toEqual([]);
    await using returned = await EventLog.connect(ahead.url);
    expect(await returned.join(roomId, position)).toMatchObject({ recovered: true, replayed: 801 });
  },
);

test('entries that the hard cap removes are counted exactly, and clients that missed none get no resync', async () => {
  // events:remote has a length of 1,000 entries and a hard cap of 20 times that.
  const [cap, beyond] = [20_000, 500];
  await using system = await startOnRedis();
  const { redis, gateway, url } = system;
  gateway.mayLogErrors = true;
  await using client = await EventLog.connect(url);
  const told = resyncsOf(client);
  await client.join('watched');
  {
    await using _ = await startReaderThatCreeps(redis);
    // Adds the entries in parts, so that the slow reader can run between two parts.
    for (let part = 0; part < (cap + beyond) / 500; part += 1)
      await xaddAll(redis, 'events:remote', sessions('busy', 500));
    await eventually(async () => expect(await redis.cli('XLEN', 'events:remote')).toBe(String(cap)));
    await eventually(async () =>
      expect(await readMetric(url, 'events_dropped_total', { reason: 'expired' })).toBe(beyond),
    );
    expect(await readMetric(url, 'event_expired_entries', { stream: 'events:remote' })).toBe(beyond);
    // The group has consumed all entries. None is acknowledged, because the slow reader has not handled them.
    await eventually(async () =>
      expect(await groupInfo(redis, 'events:remote')).toMatchObject({
        pending: String(cap + beyond),
        lag: '0',
      }),
    );
  }
  await eventually(() => assertAllAcknowledged(redis, 'events:remote'));
  const last = chatMessage('watched', 'last');
  await xaddAll(redis, 'events:chat', [last]);
  expect(await client.idsUpTo(last.event_id)).toEqual([last.event_id]);
  expect(told.rooms).toEqual([]);
  expect(await readMetric(url, 'events_dropped_total', { reason: 'expired' })).toBe(beyond);
  // The ledger and the slow reader run in any order. Therefore the gateway logs one or more lines about removed entries.
  expect(gateway.errorLines.filter((line) => !line.includes('were cut from the stream'))).toEqual([]);
});

test('a gateway with partitions sends resync only to the rooms of the stream that lost entries', async () => {
  const partitions = 3;
  const rooms = [0, 1, 2].map((wanted) => roomIn(wanted, partitions));
  const [first = '', second = '', third = ''] = rooms;
  await using system = await startOnRedis({ environment: { MILLRACE_PARTITIONS: String(partitions) } });
  const { redis, gateway, url, publisher } = system;
  gateway.mayLogErrors = true;
  // The personal room of this user is in the first partition.
  const user = userIn(0, partitions);
  await using client = await EventLog.connectAs(url, user, 'Ana');
  const told = resyncsOf(client);
  const positions = new Map<string, string>();
  for (const room of rooms) positions.set(room, (await client.join(room)).position);

  gateway.child.kill('SIGSTOP');
  const events = rooms.flatMap((room) => chatMessages(room, 300));
  await publisher.publishEvents(events);
  await redis.cli('XTRIM', 'events:chat.p1', 'MAXLEN', '=', '5');
  gateway.child.kill('SIGCONT');
  await eventually(() => expect(told.rooms).toEqual([second]));
  const last = rooms.map((room) => chatMessage(room, 'last'));
  await publisher.publishEvents(last);
  for (const { event_id } of last) await client.event((event) => event.event_id === event_id);

  const idsOf = (list: readonly { readonly room_id: string; readonly event_id: string }[], room: string) =>
    list.filter(({ room_id }) => room_id === room).map(({ event_id }) => event_id);
  for (const room of [first, third])
    expect(idsOf(client.events, room)).toEqual(idsOf([...events, ...last], room));
  const lost = 301 - idsOf(client.events, second).length;
  expect(lost).toBeGreaterThan(0);
  expect(await readMetric(url, 'events_dropped_total', { reason: 'expired' })).toBe(lost);
  expect(await readMetric(url, 'event_gap_entries_total', { stream: 'events:chat.p1' })).toBe(lost);
  expect(await client.join(first, positions.get(first))).toMatchObject({ recovered: true, replayed: 301 });
  expect(await client.join(third, positions.get(third))).toMatchObject({ recovered: true, replayed: 301 });
  expect(await client.join(second, positions.get(second))).toMatchObject({ recovered: false, replayed: 0 });
  expect(told.rooms).toEqual([second]);

  // The plain stream may contain events of any room.
  const status = { old_status: 'a', new_status: 'b', changed_by: 'c', changed_at: '2026-01-16T10:00:00Z' };
  const change = sampleEvent(first, 'status_change', { request_id: randomUUID(), ...status });
  await xaddAll(redis, 'events:ticket', [change]);
  await client.event(({ event_id }) => event_id === change.event_id);
  await eventually(() => assertAllAcknowledged(redis, 'events:ticket'));
  await redis.cli('DEL', 'events:ticket');
  await eventually(() =>
    expect([...told.rooms].sort()).toEqual([second, ...rooms, `user:${user}`, '*'].sort()),
  );
  expect(told.of(first)).toEqual(['reset']);
  expect(await client.join(first, positions.get(first))).toMatchObject({ recovered: false });
});

/** Records the rooms that a client was told to reload, with the reasons. */
function resyncsOf({ connection }: EventLog) {
  const messages: { readonly room_id: string; readonly reason: string }[] = [];
  connection.on('resync', (message: (typeof messages)[number]) => messages.push(message));
  return {
    get rooms(): readonly string[] {
      return messages.map(({ room_id }) => room_id);
    },
    of: (roomId: string): readonly string[] =>
      messages.filter(({ room_id }) => room_id === roomId).map(({ reason }) => reason),
  };
}

function sessions(roomId: string, count: number): SampleEvent[] {
  const ids = { session_id: randomUUID(), agent_id: randomUUID(), requester_id: randomUUID() };
  return Array.from({ length: count }, () => sampleEvent(roomId, 'remote_session_start', ids));
}

function roomIn(partition: number, partitions: number): string {
  for (let n = 0; ; n += 1) if (partitionOf(`room-${n}`, partitions) === partition) return `room-${n}`;
}

function userIn(partition: number, partitions: number): string {
  for (;;) {
    const id = randomUUID();
    if (partitionOf(`user:${id}`, partitions) === partition) return id;
  }
}

/**
 * Starts a live subscriber whose cursor advances, but never reaches an entry: it moves over IDs that no entry has. Therefore
 * the entries after the cursor are not acknowledged.
 */
async function startReaderThatCreeps(redis: RedisServer): Promise<AsyncDisposable> {
  const name = 'a slow reader';
  const broker = createRedisBroker({ url: redis.url, streams: eventCatalog.streams });
  await broker.open();
  await xaddAll(redis, 'events:remote', sessions('nobody', 1));
  let progress: ReadonlyMap<string, ReadProgress> = new Map(
    (await broker.register(name)).map(({ stream, epoch, cursor, entriesAdded }) => [
      stream,
      { epoch, cursor, entriesAdded },
    ]),
  );
  const stopping = new AbortController();
  const beat = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const replies = await broker.heartbeat(name, progress);
      progress = new Map(
        replies.map(({ stream, epoch, cursor, lastId, entriesAdded }) => {
          const [ms, sequence] = cursor.split('-').map(Number);
          const mayCreep = Number.parseInt(lastId, 10) > Number(ms);
          return [
            stream,
            { epoch, cursor: mayCreep ? `${ms}-${Number(sequence) + 1}` : cursor, entriesAdded },
          ];
        }),
      );
      await new Promise((resolve) => setTimeout(resolve, broker.options.heartbeatMs));
    }
  };
  const beating = beat();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await beating;
      await broker.unregister(name);
      await broker.close();
    },
  };
}
