// A new event type is rolled out. Gateways with and without the type read the same streams.
import { defineCatalog, eventCatalog } from '@millrace/contract';
import { type RedisServer, startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, notification } from '../../fixtures/events/sample-events.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { assertAllAcknowledged, xaddEvent } from '../../fixtures/redis/plain-redis.js';
import type { DeliverySystem } from '../../fixtures/systems/delivery-system.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const roomId = 'room';
const stream = 'events:notification';
/** The catalog before notifications were added. */
const oldCatalog = defineCatalog({
  ...eventCatalog,
  eventTypes: eventCatalog.eventTypes.filter(({ name }) => name !== 'notification'),
});

async function startGateway(
  resources: Resources,
  redis: RedisServer,
  instance: string,
  isOld: boolean,
): Promise<DeliverySystem> {
  const options = { redisUrl: redis.url, instance };
  return resources.use(
    await (isOld
      ? EmbeddedGateway.start({ ...options, catalog: oldCatalog })
      : EmbeddedGateway.start(options)),
  );
}

/** Returns the number of events that a gateway has dropped for this reason. */
const droppedBy = ({ url }: DeliverySystem, reason: string): Promise<number> =>
  readMetric(url, 'events_dropped_total', { reason });

const deadLetters = async (redis: RedisServer): Promise<number> =>
  Number(await redis.cli('XLEN', `dead:{${stream}}`));

test('an event whose type only one live gateway knows is delivered there, and no gateway rejects it', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const old = await startGateway(resources, redis, 'old', true);
  const first = await startGateway(resources, redis, 'new', false);
  const atOld = resources.use(await EventLog.connect(old.url));
  const atNew = resources.use(await EventLog.connect(first.url));
  const { position } = await atNew.join(roomId);
  await atOld.join(roomId);
  const news = [1, 2, 3].map((n) => notification(roomId, `news ${n}`));
  for (const event of news) await xaddEvent(redis, event);
  const [newest] = news.slice(-1);
  await atNew.event(({ event_id }) => event_id === newest?.event_id);
  await eventually(async () => expect(await droppedBy(old, 'unknown_type')).toBe(3));
  const chat = chatMessage(roomId, 'for all');
  await xaddEvent(redis, chat);
  for (const client of [atOld, atNew]) await client.event(({ event_id }) => event_id === chat.event_id);
  expect(await deadLetters(redis)).toBe(0);
  expect(await droppedBy(old, 'invalid')).toBe(0);
  await eventually(() => assertAllAcknowledged(redis, stream));

  // A gateway that starts later learns from the stream which events were delivered before.
  const later = await startGateway(resources, redis, 'later', false);
  const back = resources.use(await EventLog.connect(later.url));
  expect(await back.join(roomId, position)).toMatchObject({ recovered: true, replayed: 4 });
  expect(back.events.map(({ event_id }) => event_id)).toEqual(
    [...news, chat].map(({ event_id }) => event_id),
  );
});

test('an event whose type no live gateway knows becomes a dead letter, whatever earlier gateways knew', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const old = await startGateway(resources, redis, 'old', true);
  await xaddEvent(redis, notification(roomId, 'nobody knows it'));
  await eventually(async () => expect(await deadLetters(redis)).toBe(1));
  const gone = await startGateway(resources, redis, 'new', false);
  await gone[Symbol.asyncDispose]();
  await xaddEvent(redis, notification(roomId, 'nobody knows it any more'));
  await eventually(async () => expect(await deadLetters(redis)).toBe(2));
  expect(await droppedBy(old, 'invalid')).toBe(2);
});
