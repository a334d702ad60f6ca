// Redis goes down and comes back while a gateway runs. Every answer of the gateway is correct, no event is
// lost, and no process needs a restart.
import { randomUUID } from 'node:crypto';
import type { PublisherError } from '@millrace/publisher';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, notification } from '../../fixtures/events/sample-events.js';
import { postEvents, statusOf } from '../../fixtures/http/ingest.js';
import { assertAllAcknowledged, xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { type RedisSystem, startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const roomId = 'room';
const payload = { type: 'info', title: 'through trouble' };

/** Starts the usual system with a client in the room. */
async function start(isDurable: boolean): Promise<System> {
  const system = await startOnRedis({ redis: { isDurable }, mayLogErrors: true });
  const client = system.use(await EventLog.inRoom(system.url, roomId));
  return Object.assign(system, { client });
}

type System = RedisSystem & { readonly client: EventLog };

describe('Redis is killed and started again with its data', () => {
  test('a gateway is alive but not ready while Redis is down, refuses events with 503, and recovers by itself', async () => {
    await using system = await start(true);
    const { redis, gateway, client } = system;
    const before = chatMessage(roomId, 'before');
    await postEvents(gateway.url, before);
    await client.received(1);
    await redis.stop();
    await eventually(async () => expect(await statusOf(`${gateway.url}/readyz`)).toBe(503));
    expect(await statusOf(`${gateway.url}/healthz`)).toBe(200);
    const refused = await postEvents(gateway.url, chatMessage(roomId, 'refused'));
    expect(refused).toMatchObject({ status: 503, body: { status: 503 } });
    expect(refused.contentType).toMatch(/^application\/problem\+json/);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    await redis.restart();
    await eventually(async () => expect(await statusOf(`${gateway.url}/readyz`)).toBe(200));
    const byHand = chatMessage(roomId, 'by hand');
    await xaddEvent(redis, byHand);
    const byHttp = chatMessage(roomId, 'by HTTP');
    expect((await postEvents(gateway.url, byHttp)).status).toBe(201);
    expect(await client.idsUpTo(byHttp.event_id)).toEqual([
      before.event_id,
      byHand.event_id,
      byHttp.event_id,
    ]);
    await eventually(() => assertAllAcknowledged(redis, 'events:chat'));
    expect(gateway.output).not.toContain('through trouble');
  });

  test('a publish that failed with broker_unavailable can be repeated, and is delivered once', async () => {
    await using system = await start(true);
    const { redis, publisher, client } = system;
    await redis.stop();
    const error = await errorOf(publisher.publish('notification', roomId, payload));
    expect(error).toMatchObject({
      name: 'PublisherError',
      code: 'broker_unavailable',
      eventId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(error.retryAfterMs).toBeGreaterThan(0);
    await redis.restart();
    await eventually(() => publisher.publish('notification', roomId, payload, { eventId: error.eventId }));
    await publisher.publish('notification', roomId, payload, { eventId: error.eventId });
    expect(await idsBeforeLast(system)).toEqual([error.eventId]);
    expect(client.events[0]?.payload).toStrictEqual(payload);
  });
});

test('a publish fails while Redis is frozen, and a repeat with the same ID is delivered once', async () => {
  await using system = await start(false);
  const { redis, gateway, publisher } = system;
  redis.pause();
  const error = await errorOf(publisher.publish('notification', roomId, payload));
  expect(error).toMatchObject({ name: 'PublisherError', code: 'broker_unavailable' });
  await eventually(async () => expect(await statusOf(`${gateway.url}/readyz`)).toBe(503));
  redis.resume();
  await eventually(() => publisher.publish('notification', roomId, payload, { eventId: error.eventId }));
  await eventually(async () => expect(await statusOf(`${gateway.url}/readyz`)).toBe(200));
  expect(await idsBeforeLast(system)).toEqual([error.eventId]);
});

test('clients get new events after Redis returned empty, but old positions are not recovered', async () => {
  await using system = await start(false);
  const { redis, gateway, client } = system;
  const before = notification(roomId, 'before');
  await xaddEvent(redis, before);
  const [delivered] = await client.received(1);
  await redis.stop();
  await redis.restart();
  await eventually(async () => expect(await statusOf(`${gateway.url}/readyz`)).toBe(200));
  const after = notification(roomId, 'after');
  await eventually(() => xaddEvent(redis, after));
  await client.event((event) => event.event_id === after.event_id);
  expect(await client.join(roomId, delivered?.position)).toMatchObject({ recovered: false });
  await eventually(() => assertAllAcknowledged(redis, 'events:notification'));
});

test('new events arrive and are acknowledged after the streams of a running gateway were deleted', async () => {
  await using system = await start(false);
  const { redis, client } = system;
  await xaddEvent(redis, notification(roomId, 'before'));
  await client.received(1);
  await redis.cli('FLUSHALL');
  const after = [notification(roomId, 'after'), chatMessage(roomId, 'after')] as const;
  for (const event of after) await xaddEvent(redis, event);
  for (const event of after) await client.event((candidate) => candidate.event_id === event.event_id);
  for (const stream of ['events:notification', 'events:chat'])
    await eventually(() => assertAllAcknowledged(redis, stream));
});

async function errorOf(call: Promise<unknown>): Promise<PublisherError> {
  return call.then(
    () => {
      throw new Error('was not refused');
    },
    // The cast is unchecked: each caller compares the name of the error.
    (error: unknown) => error as PublisherError,
  );
}

/** Publishes one more event, and returns the IDs that arrived before it. */
async function idsBeforeLast(system: System): Promise<readonly string[]> {
  const eventId = randomUUID();
  await system.publisher.publish('notification', roomId, { type: 'info', title: 'last' }, { eventId });
  return (await system.client.idsUpTo(eventId)).slice(0, -1);
}
