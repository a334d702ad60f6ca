// Partitioned streams on one Redis. Publishers and gateways use the same number of partitions. A position is valid for the
// rooms of its partition. A gateway with another number of partitions does not start.
import { partitionOf } from '@millrace/broker';
import { connectPublisher } from '@millrace/publisher';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, notification } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetricsText } from '../../fixtures/http/metrics.js';
import { CliProcess } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { withoutTypes } from '../../fixtures/systems/delivery-system.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

/** One room in each of three partitions. */
const ROOMS = [0, 1, 2].map((wanted) => {
  for (let n = 0; ; n++) if (partitionOf(`room-${n}`, 3) === wanted) return `room-${n}`;
}) as readonly string[];

test('events of publishers and of HTTP go to the room’s partition, and plain XADDs go to the plain stream', async () => {
  await using system = await startOnRedis({ environment: { MILLRACE_PARTITIONS: '3' } });
  for (const [index, room] of ROOMS.entries()) {
    await using client = await EventLog.connectAs(system.url, crypto.randomUUID(), 'Ana');
    await client.join(room);
    const events = [
      chatMessage(room, 'library'),
      chatMessage(room, 'http'),
      chatMessage(room, 'plain'),
    ] as const;
    await system.publisher.publishEvents([events[0]]);
    await acceptEvents(system.url, [events[1]]);
    await client.received(2);
    await xaddEvent(system.redis, events[2]);
    await client.received(3);
    expect(client.ids).toEqual(events.map(({ event_id }) => event_id));
    expect(await system.redis.cli('xlen', `events:chat.p${index}`)).toBe('2');
    for (const { position } of client.events) expect(position).toMatch(new RegExp(`^${index}~`));
  }
  expect(await system.redis.cli('xlen', 'events:chat')).toBe('3');
});

test('a client resumes each room at another gateway from that room’s position, in order and without a gap', async () => {
  await using system = await startOnRedis({ environment: { MILLRACE_PARTITIONS: '3' } });
  const second = await system.startGateway();
  const positions = new Map<string, string>();
  {
    await using client = await EventLog.connectAs(system.url, crypto.randomUUID(), 'Ana');
    for (const room of ROOMS) positions.set(room, (await client.join(room)).position);
    await system.publisher.publishEvents(ROOMS.map((room) => chatMessage(room, 'seen')));
    for (const event of await client.received(ROOMS.length)) positions.set(event.room_id, event.position);
  }
  const missed = ROOMS.flatMap((room) => [
    chatMessage(room, 'one'),
    notification(room, 'beside'),
    chatMessage(room, 'two'),
  ]);
  await system.publisher.publishEvents(missed);
  await using client = await EventLog.connectAs(second.url, crypto.randomUUID(), 'Ana');
  for (const room of ROOMS) {
    const after = positions.get(room);
    await eventually(async () => expect((await client.join(room, after)).replayed).toBe(3));
    const missedHere = missed.filter(({ room_id }) => room_id === room);
    for (const type of ['chat_message', 'notification']) {
      const ids = client.events
        .filter(({ room_id, event_type }) => room_id === room && event_type === type)
        .map(({ event_id }) => event_id);
      // A join that came before the gateway was ready was repeated. Its events may have been replayed more than once.
      expect([...new Set(ids)]).toEqual(
        missedHere.filter(({ event_type }) => event_type === type).map(({ event_id }) => event_id),
      );
    }
  }
});

test('a join with the position of a room in another partition gets `recovered: false`', async () => {
  await using system = await startOnRedis({ environment: { MILLRACE_PARTITIONS: '3' } });
  await using client = await EventLog.connectAs(system.url, crypto.randomUUID(), 'Ana');
  const [own = '', other = ''] = ROOMS;
  const { position } = await client.join(own);
  expect(await client.join(own, position)).toMatchObject({ recovered: true, replayed: 0 });
  expect(await client.join(other, position)).toMatchObject({ recovered: false });
});

test('an entry in the wrong partition for its room becomes a dead letter', async () => {
  await using system = await startOnRedis({ environment: { MILLRACE_PARTITIONS: '3' } });
  const [room = ''] = ROOMS;
  await xaddEvent(system.redis, chatMessage(room, 'lost its way'), { stream: 'events:chat.p1' });
  const deadLetter = await eventually(async () => {
    const text = await system.redis.cli('xrange', 'dead:{events:chat.p1}', '-', '+');
    expect(text).toContain('partition');
    return text;
  });
  expect(deadLetter).toContain('the room belongs to another partition');
});

test('a gateway with the in-memory broker supports partitions', async () => {
  await using gateway = await EmbeddedGateway.start({ partitions: 3 });
  const { url, publisher } = gateway;
  await using client = await EventLog.connectAs(url, crypto.randomUUID(), 'Ana');
  for (const [index, room] of ROOMS.entries()) {
    const { position } = await client.join(room);
    await publisher.publishEvents([chatMessage(room, 'here')]);
    const events = await client.received(index + 1);
    expect(events.at(-1)).toMatchObject({ room_id: room, position: expect.stringMatching(`^${index}~`) });
    expect(await client.join(room, position)).toMatchObject({ recovered: true, replayed: 1 });
    await client.received(index + 2);
    client.events.pop();
  }
  expect(await readMetricsText(url)).toContain('event_queue_depth{stream="events:chat.p2"}');
});

test('the position in a position message is valid for rooms of every partition', async () => {
  await using gateway = await EmbeddedGateway.start({ partitions: 3, positionIntervalMs: 50 });
  const { url, publisher } = gateway;
  await using client = await EventLog.connectAs(url, crypto.randomUUID(), 'Ana');
  const told = new Promise<string>((resolve) => {
    client.connection.on('position', (message: { readonly position: string }) => resolve(message.position));
  });
  for (const room of ROOMS) await client.join(room);
  await publisher.publishEvents([chatMessage(ROOMS[0] ?? '', 'moves the cursors')]);
  const position = await told;
  expect(position).toMatch(/^all~/);
  for (const room of ROOMS) expect((await client.join(room, position)).recovered).toBe(true);
});

test('a gateway uses the stored number of partitions, and does not start with a different setting', async () => {
  await using redis = await startRedis();
  const environment = { MILLRACE_DEV: '1', MILLRACE_PORT: '0', MILLRACE_REDIS_URL: redis.url };
  {
    await using _ = await GatewayProcess.start({ ...environment, MILLRACE_PARTITIONS: '3' });
  }
  await using other = CliProcess.millrace(['serve'], { ...environment, MILLRACE_PARTITIONS: '4' });
  expect(await other.exit()).toBe(1);
  const [message, ...more] = other.lines.filter((line) => !line.startsWith('{'));
  expect(more).toEqual([]);
  expect(message).toMatch(/^millrace: events:chat has 3 partitions .* 4 .*MILLRACE_PARTITIONS/);
  await using follower = await GatewayProcess.start(environment);
  const connected = await connectPublisher({ redisUrl: redis.url });
  const [room = ''] = ROOMS;
  await using client = await EventLog.connectAs(follower.url, crypto.randomUUID(), 'Ana');
  await client.join(room);
  await withoutTypes(connected).publishEvents([chatMessage(room, 'here')]);
  await client.received(1);
  expect(await redis.cli('xlen', 'events:chat.p0')).toBe('1');
  await connected.close();
});
