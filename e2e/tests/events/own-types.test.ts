// An application with event types of its own, attacked from every side: each way in, each target, any JSON, and each rule of a type.
import { randomUUID } from 'node:crypto';
import { createClient } from '@millrace/client';
import type { AnyCatalog } from '@millrace/contract';
import { connectPublisher } from '@millrace/publisher';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { type DeliveredEvent, EventLog } from '../../fixtures/clients/event-log.js';
import { TextReader } from '../../fixtures/clients/readers.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { acceptEvents, refusal } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { read, readPosition } from '../../fixtures/http/room-reads.js';
import { CliProcess, repositoryPath } from '../../fixtures/processes/cli-process.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { assertAllAcknowledged, xadd } from '../../fixtures/redis/plain-redis.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const app = `${repositoryPath}e2e/fixtures/apps/shop.mjs`;
const [orders, stock] = ['shop-orders', 'stock.levels:eu'];
const types = ['order.placed', 'stock', 'viewed', 'flash', 'browsing'];

const system = sharedSystem(() =>
  Resources.start(async (resources) => {
    const redis = resources.use(await startRedis());
    const environment = { MILLRACE_REDIS_URL: redis.url, MILLRACE_APP: app };
    const gateways = [await GatewayProcess.start(environment), await GatewayProcess.start(environment)];
    for (const gateway of gateways) resources.use(gateway);
    const { catalog } = (await import(app)) as { readonly catalog: AnyCatalog };
    const publisher = await connectPublisher({ redisUrl: redis.url, catalog });
    resources.defer(() => publisher.close());
    const [first, second] = gateways.map(({ url }) => url) as [string, string];
    const publish = (type: string, target: string, payload: unknown): Promise<unknown> =>
      publisher.publish(type, target, payload);
    return {
      redis,
      first,
      second,
      publish,
      catalog,
      [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
    };
  }),
);

/** Connects a client that keeps the events of all own types. */
async function listen(url: string, roomId?: string, query = '') {
  const log = await EventLog.connect(url, { query });
  const events: DeliveredEvent[] = [];
  for (const type of types) log.connection.on(type, (event: DeliveredEvent) => void events.push(event));
  const answer = roomId === undefined ? undefined : await log.join(roomId);
  return {
    log,
    events,
    position: answer?.position ?? '',
    until: (count: number) => eventually(() => expect(events).toHaveLength(count)),
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  };
}

const fieldsOf = (type: string, roomId: string, payload: string, eventId: string = randomUUID()) => ({
  event_id: eventId,
  event_type: type,
  timestamp: new Date().toISOString(),
  room_id: roomId,
  payload,
});

const documents = [
  'null',
  'true',
  '-0.0',
  '9007199254740993',
  '1E400',
  '123456789012345678901234567890.10',
  '""',
  '"Zürich \\u00e9 👋"',
  '[]',
  '[ 1 , [2, {"a": 9007199254740993}] ]',
  '{}',
  '{"n":12345678901234567890, "a":1,"a":2}',
  `${'['.repeat(59)}${']'.repeat(59)}`,
];

test('any JSON document is a payload, and its text reaches clients unchanged by every way in', async () => {
  const { redis, first, second } = system();
  const roomId = randomUUID();
  await using text = await TextReader.connect(second, roomId);
  await using official = await listen(first, roomId);
  await using binary = await EventLog.connect(first, { isBinary: true });
  const ofBinary: unknown[] = [];
  binary.connection.on('order.placed', ({ payload }: DeliveredEvent) => void ofBinary.push(payload));
  await binary.join(roomId);
  const expected: [string, string][] = [];
  for (const [index, document] of documents.entries()) {
    const [byXadd, byHttp, byList] = ['xadd', 'http', 'list'].map((way) => `${way}/${roomId}/${index}`);
    await xadd(redis, orders, fieldsOf('order.placed', roomId, document, byXadd));
    const event = (id: string) =>
      `{"event_id":"${id}","event_type":"order.placed","room_id":"${roomId}","payload":${document}}`;
    await acceptEvents(first, event(byHttp ?? ''));
    await acceptEvents(second, `[${event(byList ?? '')}]`);
    for (const id of [byXadd, byHttp, byList]) expected.push([id ?? '', document]);
  }
  for (const [id, document] of expected)
    await eventually(() => {
      const read = text.readings.get(id)?.text ?? '';
      expect(read.slice(0, read.indexOf(',"position":'))).toBe(document);
    });
  await official.until(expected.length);
  expect(official.events.map(({ event_id }) => event_id)).toEqual(expected.map(([id]) => id));
  expect(official.events.map(({ payload }) => payload)).toEqual(
    expected.map(([, document]) => JSON.parse(document)),
  );
  await eventually(() => expect(ofBinary).toHaveLength(expected.length));
});

test('each target is reached by the library, HTTP, plain XADD, and a route of the application', async () => {
  const { redis, first, second, publish } = system();
  const [roomId, user] = [randomUUID(), randomUUID()];
  await using inRoom = await listen(second, roomId, `?user=${user}&name=Ana`);
  await using device = await listen(first, undefined, `?user=${user}&name=Ana`);
  await using stranger = await listen(first);
  for (const target of [roomId, `user:${user}`, '*']) {
    const payload = { target };
    await publish('order.placed', target, payload);
    await acceptEvents(first, { event_type: 'order.placed', room_id: target, payload });
    await xadd(redis, orders, fieldsOf('order.placed', target, JSON.stringify(payload)));
    const answer = await fetch(`${second}/shop/${encodeURIComponent(target)}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(payload),
    });
    expect(answer.status).toBe(201);
  }
  await inRoom.until(12);
  await device.until(8);
  await stranger.until(4);
  const rooms = (events: readonly DeliveredEvent[]): readonly string[] =>
    events.map(({ room_id }) => room_id);
  expect(rooms(inRoom.events)).toEqual([
    ...rooms(inRoom.events).slice(0, 4).fill(roomId),
    ...rooms(device.events),
  ]);
  expect(rooms(stranger.events)).toEqual(['*', '*', '*', '*']);
});

test('a client that comes back gets the newest event of each key, and all events of other types', async () => {
  const { redis, first, second, publish } = system();
  const roomId = randomUUID();
  await using leaving = await listen(first, roomId);
  for (const left of [3, 2, 1]) await publish('stock', roomId, { sku: 'a', left });
  await acceptEvents(first, { event_type: 'stock', room_id: roomId, payload: { sku: 'b', left: 9 } });
  await xadd(redis, orders, fieldsOf('order.placed', roomId, '1'));
  await leaving.until(5);
  await eventually(async () => {
    await using back = await listen(second);
    expect(await back.log.join(roomId, leaving.position)).toMatchObject({ recovered: true, replayed: 3 });
    expect(
      back.events.map(({ payload }) => payload).filter((payload) => typeof payload === 'object'),
    ).toEqual([
      { sku: 'a', left: 1 },
      { sku: 'b', left: 9 },
    ]);
  });
  const { body } = await read(`${second}/v1/rooms/${roomId}/events?after=${leaving.position}`);
  expect(body).toMatchObject({ recovered: true, events: { length: 3 } });
});

test('events of a window are merged as their type declares, also those of different gateways and publishers', async () => {
  const { first, second, publish } = system();
  const roomId = randomUUID();
  await using log = await listen(first, roomId);
  const viewed = (url: string, page: string) =>
    acceptEvents(url, { event_type: 'viewed', room_id: roomId, payload: ['ana', [page]] });
  await Promise.all([
    viewed(first, 'a'),
    viewed(second, 'b'),
    publish('viewed', roomId, ['ana', ['c']]),
    publish('viewed', roomId, ['bob', ['x']]),
  ]);
  // On a starved machine the window may end before its last event, and the rest comes in a window of its own.
  const pagesOf = (user: string): readonly unknown[] =>
    log.events.flatMap(({ payload }) => {
      const [by, pages] = payload as unknown as [string, readonly string[]];
      return by === user ? pages : [];
    });
  await eventually(() => expect(new Set(pagesOf('ana'))).toEqual(new Set(['a', 'b', 'c'])));
  await eventually(() => expect(pagesOf('bob')).toEqual(['x']));
  const counts = log.events.map(({ metadata }) => Number(metadata?.['coalesced_count']));
  expect(counts.reduce((sum, count) => sum + count, 0)).toBe(4);
});

test('an event that is older than its type allows is counted and not delivered, and other types have no age', async () => {
  await using redis = await startRedis();
  const [seconds] = (await redis.cli('TIME')).split('\n');
  const old = `${(Number(seconds) - 120) * 1_000}`;
  const roomId = randomUUID();
  await using gateway = await GatewayProcess.start({ MILLRACE_REDIS_URL: redis.url, MILLRACE_APP: app });
  await using log = await listen(gateway.url, roomId);
  await xadd(redis, orders, fieldsOf('flash', roomId, 'null'), `${old}-1`);
  const lasting = fieldsOf('order.placed', roomId, '0');
  await xadd(redis, orders, lasting, `${old}-2`);
  await log.until(1);
  expect(log.events[0]?.event_id).toBe(lasting.event_id);
  await eventually(async () =>
    expect(await readMetric(gateway.url, 'events_dropped_total', { reason: 'stale' })).toBe(1),
  );
});

test('an own indicator shows users in joins and in the client, and is hidden from its own user', async () => {
  const { first, second, publish, catalog } = system();
  const [roomId, ana] = [randomUUID(), randomUUID()];
  const client = createClient({ url: `${first}/?user=${randomUUID()}&name=Eve`, catalog });
  await client.connect();
  try {
    const room = client.join(roomId);
    await room.joined;
    await using own = await listen(second, roomId, `?user=${ana}&name=Ana`);
    await publish('browsing', roomId, { user: ana, name: 'Ana', at: 'shop' });
    await eventually(() => expect(room.shownUsers('browsing')).toEqual([{ user_id: ana, username: 'Ana' }]));
    await using late = await EventLog.connect(second);
    expect(await late.join(roomId)).toMatchObject({
      indicators: { browsing: [{ user_id: ana, username: 'Ana' }] },
    });
    await publish('browsing', roomId, { user: ana, name: 'Ana', at: '' });
    await eventually(() => expect(room.shownUsers('browsing')).toEqual([]));
    expect(own.events).toEqual([]);
  } finally {
    await client.close();
  }
});

test('the rule for event IDs, repeats, faults and erasures are those of the catalog', async () => {
  const { redis, first } = system();
  const roomId = randomUUID();
  await using log = await listen(first, roomId);
  const id = `Order 7 / ${roomId}`;
  const event = { event_id: id, event_type: 'order.placed', room_id: roomId, payload: 'first' };
  await acceptEvents(first, event);
  expect((await acceptEvents(first, { ...event, payload: 'again' })).body).toMatchObject({
    is_duplicate: true,
  });
  await xadd(redis, orders, fieldsOf('order.placed', roomId, '"again"', id));
  await acceptEvents(first, { ...event, event_id: id.toUpperCase() });
  await log.until(2);
  expect(log.events.map(({ event_id }) => event_id)).toEqual([id, id.toUpperCase()]);
  expect(await refusal(first, { event_type: 'stock', room_id: roomId, payload: { sku: 1 } })).toMatchObject({
    code: 'invalid_event',
    errors: [{ path: '/payload/sku' }, { path: '/payload/left' }],
  });
  await xadd(redis, stock, fieldsOf('stock', roomId, 'null'));
  await using list = CliProcess.millrace(['dead-letters', 'list', '--app', app], {
    MILLRACE_REDIS_URL: redis.url,
  });
  await eventually(async () => expect(await redis.cli('XLEN', `dead:{${stock}}`)).toBe('1'));
  expect(await list.exit()).toBe(0);
  for (const stream of [orders, stock]) await eventually(() => assertAllAcknowledged(redis, stream));
  expect(await eraseOverHttp(first, `/v1/rooms/${roomId}/events`)).toMatchObject({ erased: 4 });
});

test('`millrace tail` prints events of own types with all digits, and only those of its room', async () => {
  const { redis, first } = system();
  const roomId = randomUUID();
  await using tail = CliProcess.millrace(['tail', '--room', roomId, '--url', first, '--count', '2']);
  await tail.line(/listening to/);
  await xadd(redis, orders, fieldsOf('order.placed', '*', '"for everybody"'));
  await xadd(redis, orders, fieldsOf('order.placed', roomId, '{"n": 9007199254740993}'));
  await xadd(redis, stock, fieldsOf('stock', roomId, '{"sku":"a","left":1}'));
  expect(await tail.exit()).toBe(0);
  expect(tail.output).toContain('order.placed          {"n": 9007199254740993}');
  expect(tail.output).not.toContain('for everybody');
  await using json = CliProcess.millrace(['tail', '--room', '*', '--url', first, '--count', '1', '--json']);
  await json.line(/listening to/);
  await xadd(redis, orders, fieldsOf('order.placed', '*', '1.00'));
  expect(await json.exit()).toBe(0);
  expect(json.output).toContain('"room_id":"*","payload":1.00,"position":');
});

test('the documents of a gateway with own types describe these types', async () => {
  const { first } = system();
  expect(await readPosition(first, '*')).not.toBe('');
  const text = await (await fetch(`${first}/v1/openapi.json`)).text();
  for (const type of types) expect(text).toContain(`"${type}"`);
  expect(text).not.toContain('chat_message');
});
