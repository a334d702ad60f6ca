// Gateways with different catalogs on one Redis, for example while a stream is being added, or because services have their
// own gateways. A client moves between two such gateways. Each accepts the other's positions.
import { setTimeout as sleep } from 'node:timers/promises';
import { defineCatalog, eventCatalog } from '@millrace/contract';
import { startRedis } from '@millrace/testkit';
import { createClient } from '@redis/client';
import { expect, test } from 'vitest';
import { type DeliveredEvent, EventLog } from '../../fixtures/clients/event-log.js';
import {
  lastingEvents,
  notification,
  type SampleEvent,
  streamNames,
  streamOfType,
} from '../../fixtures/events/sample-events.js';
import { assertAllAcknowledged, entryFields, xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const roomId = 'room';
const addedStream = 'events:notification';
/** A catalog without notifications and without their stream. */
const smallCatalog = defineCatalog({
  ...eventCatalog,
  streams: eventCatalog.streams.filter(({ name }) => name !== addedStream),
  eventTypes: eventCatalog.eventTypes.filter(({ stream }) => stream !== addedStream),
});
const hops = 10;
const hopMs = 150;
const pauseMs = 3;

/** Starts a Redis with two gateways. The gateway `large` knows all streams. The gateway `small` does not know `addedStream`. */
async function startBoth(resources: Resources) {
  const redis = resources.use(await startRedis());
  const redisUrl = redis.url;
  const large = resources.use(await EmbeddedGateway.start({ redisUrl, instance: 'large' }));
  const small = resources.use(
    await EmbeddedGateway.start({ redisUrl, instance: 'small', catalog: smallCatalog }),
  );
  return { redis, largeUrl: large.url, smallUrl: small.url };
}

test('a client that moves between gateways with different catalogs loses no event at any move', async () => {
  await using resources = new Resources();
  const { redis, largeUrl, smallUrl } = await startBoth(resources);
  let position = '';
  {
    await using first = await EventLog.connect(largeUrl);
    ({ position } = await first.join(roomId));
  }
  const published: SampleEvent[] = [];
  const over = new AbortController();
  const publisher = await createClient({ url: redis.url }).connect();
  resources.defer(() => publisher.close());
  const publishing = (async () => {
    while (!over.signal.aborted) {
      for (const event of lastingEvents(roomId, 4)) {
        published.push(event);
        await publisher.xAdd(streamOfType[event.event_type], '*', entryFields(event));
        await sleep(pauseMs);
      }
    }
  })();
  const handled = new Map<string, DeliveredEvent>();
  const repeated: DeliveredEvent[] = [];
  const take = (events: readonly DeliveredEvent[]): void => {
    for (const event of events) {
      if (handled.has(event.event_id)) repeated.push(event);
      else handled.set(event.event_id, event);
    }
  };
  for (let hop = 0; hop < hops; hop += 1) {
    await using client = await EventLog.connect(hop % 2 === 0 ? smallUrl : largeUrl);
    const answer = await client.join(roomId, position);
    expect(answer, `hop ${hop} from ${position}`).toMatchObject({ recovered: true });
    await sleep(hopMs);
    const events = [...client.events];
    take(events);
    position = events.at(-1)?.position ?? answer.position;
  }
  over.abort();
  await publishing;
  await using last = await EventLog.connect(largeUrl);
  expect(await last.join(roomId, position)).toMatchObject({ recovered: true });
  await eventually(() => {
    expect(new Set([...handled.keys(), ...last.ids]).size).toBeGreaterThanOrEqual(published.length);
  });
  take(last.events);
  for (const stream of streamNames) {
    const order = published.filter(({ event_type }) => streamOfType[event_type] === stream);
    const got = [...handled.values()].filter(({ event_type }) => isOf(event_type, stream));
    expect(got.map(({ event_id }) => event_id)).toEqual(order.map(({ event_id }) => event_id));
  }
  // Events of a stream that both gateways know are never sent twice. Events of `addedStream` may be, because a position of
  // the small gateway does not include it.
  expect(repeated.filter(({ event_type }) => !isOf(event_type, addedStream))).toEqual([]);
  for (const stream of streamNames) await eventually(() => assertAllAcknowledged(redis, stream));
});

test('a client whose position lacks a stream gets that stream’s events, or `recovered: false` if they are too many', async () => {
  await using resources = new Resources();
  const { redis, largeUrl, smallUrl } = await startBoth(resources);
  const small = resources.use(await EventLog.connect(smallUrl));
  const { position } = await small.join(roomId);
  const news = [1, 2, 3].map((n) => notification(roomId, `news ${n}`));
  for (const event of news) await xaddEvent(redis, event);
  const witness = resources.use(await EventLog.connect(largeUrl));
  await eventually(async () => expect((await witness.join(roomId, position)).replayed).toBe(3));
  // A gateway reads a stream from its first stored entry if the position does not include it. Therefore the entries that are
  // removed here do not count as missed.
  await redis.cli('XTRIM', addedStream, 'MAXLEN', '2');
  const back = resources.use(await EventLog.connect(largeUrl));
  expect(await back.join(roomId, position)).toMatchObject({ recovered: true });
  const options = { redisUrl: redis.url, instance: 'later', maxReplayEventsPerRoom: 1 };
  const { url } = resources.use(await EmbeddedGateway.start(options));
  const tooMuch = resources.use(await EventLog.connect(url));
  expect(await tooMuch.join(roomId, position)).toMatchObject({ recovered: false, replayed: 0 });
});

function isOf(eventType: string, stream: string): boolean {
  return streamOfType[eventType as keyof typeof streamOfType] === stream;
}
