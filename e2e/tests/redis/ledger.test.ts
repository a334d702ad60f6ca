// The consumer group accounts for every entry. Each entry is consumed and acknowledged, and none is lost, even if no gateway
// runs for some time.
import { randomUUID } from 'node:crypto';
import { type RedisServer, startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import {
  chatMessage,
  chatMessages,
  fullEvents,
  streamNames,
  typing,
} from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetric, readSamples } from '../../fixtures/http/metrics.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import {
  assertAllAcknowledged,
  consumerNames,
  groupInfo,
  groupName,
  lastEntryId,
  pendingCount,
  xaddEvent,
} from '../../fixtures/redis/plain-redis.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

test('a gateway creates its group on all streams, reads as signalr-instance-1 and acknowledges delivered entries', async () => {
  await using system = await startOnRedis();
  const { redis, url } = system;
  const roomId = randomUUID();
  await using client = await EventLog.inRoom(url, roomId);
  for (const stream of streamNames) {
    expect(await groupInfo(redis, stream)).toMatchObject({ name: 'signalr-consumers', pending: '0' });
    expect(await redis.cli('XLEN', stream)).toBe('0');
  }
  await acceptEvents(url, fullEvents(roomId));
  await client.received(9);
  for (const stream of streamNames) {
    await eventually(() => assertAllAcknowledged(redis, stream));
    expect(await consumerNames(redis, stream)).toEqual(['signalr-instance-1']);
    expect(await pendingCount(redis, stream)).toBe(0);
    expect(Number(await redis.cli('XLEN', stream))).toBeGreaterThan(0);
    await eventually(async () => expect(await backlog(url, stream)).toEqual([0, 0]));
  }
});

test('the first gateway acknowledges entries from before its start, and keeps them in their streams', async () => {
  await using redis = await startRedis();
  const roomId = randomUUID();
  for (const event of [...fullEvents(roomId), ...fullEvents(roomId)]) await xaddEvent(redis, event);
  const before = await contents(redis);
  await using gateway = await GatewayProcess.start({ MILLRACE_REDIS_URL: redis.url });
  for (const stream of streamNames) {
    await eventually(() => assertAllAcknowledged(redis, stream));
    await eventually(async () => expect(await backlog(gateway.url, stream)).toEqual([0, 0]));
  }
  expect(await contents(redis)).toEqual(before);
});

test('the next gateway acknowledges entries that were added while no gateway ran', async () => {
  await using redis = await startRedis();
  const roomId = randomUUID();
  await runAndStop(redis, roomId);
  for (const event of fullEvents(roomId)) await xaddEvent(redis, event);
  expect(await groupInfo(redis, 'events:chat')).toMatchObject({ pending: '0', lag: '4' });
  const before = await contents(redis);
  await using gateway = await GatewayProcess.start({ MILLRACE_REDIS_URL: redis.url });
  for (const stream of streamNames) await eventually(() => assertAllAcknowledged(redis, stream));
  expect(await contents(redis)).toEqual(before);
  expect(await gateway.stop()).toBe(0);
});

test('SIGTERM after a burst of events leaves no delivered entry pending or unread', async () => {
  await using redis = await startRedis();
  const lastDelivered = await runAndStop(redis, randomUUID(), 500);
  expect(await lastEntryId(redis, 'events:chat')).toBe(lastDelivered);
  for (const stream of streamNames) expect(await pendingCount(redis, stream)).toBe(0);
  await assertAllAcknowledged(redis, 'events:chat');
});

test('a gateway takes over the entries that a killed gateway left pending or unread', async () => {
  await using system = await startOnRedis();
  const { redis, gateway: killed } = system;
  const roomId = randomUUID();
  await acceptEvents(killed.url, chatMessages(roomId, 300));
  await killed.stop('SIGKILL');
  for (const event of fullEvents(roomId)) await xaddEvent(redis, event);
  const next = await system.startGateway();
  await using client = await EventLog.inRoom(next.url, roomId);
  const last = chatMessage(roomId, 'last');
  await acceptEvents(next.url, last);
  await client.event((event) => event.event_id === last.event_id);
  for (const stream of streamNames) await eventually(() => assertAllAcknowledged(redis, stream));
  expect(await redis.cli('XLEN', 'events:chat')).toBe('305');
});

test('the metrics of a gateway have the expected names, labels and counts', async () => {
  await using system = await startOnRedis();
  const { redis, url } = system;
  const roomId = randomUUID();
  await using client = await EventLog.inRoom(url, roomId);
  const ana = randomUUID();
  const message = chatMessage(roomId, 'counted');
  await acceptEvents(url, [
    ...fullEvents(roomId),
    message,
    message,
    typing(roomId, ana, true),
    typing(roomId, ana, false),
  ]);
  await client.received(11);
  await eventually(() => assertAllAcknowledged(redis, 'events:chat'));
  // An event may reach the client before the gateway has read the answer to its own publish, and counted it.
  await eventually(async () => expect(await readMetric(url, 'events_published_total')).toBe(11));
  const samples = await readSamples(url);
  const labelsOf = (name: string): string[][] =>
    samples.filter((sample) => sample.name === name).map(({ labels }) => Object.keys(labels).sort());
  expect(labelsOf('event_publish_duration_seconds_count')).toContainEqual(['event_type', 'transport']);
  expect(labelsOf('event_publish_duration_seconds_bucket')).toContainEqual(['event_type', 'le', 'transport']);
  expect(labelsOf('event_delivery_duration_seconds_count')).toContainEqual(['event_type']);
  expect(labelsOf('events_dropped_total')).toContainEqual(['reason']);
  expect(labelsOf('events_coalesced_total')).toContainEqual(['event_type']);
  expect(await readMetric(url, 'events_delivered_total')).toBeGreaterThanOrEqual(11);
  expect(await readMetric(url, 'events_coalesced_total')).toBe(1);
  expect(await readMetric(url, 'event_delivery_duration_seconds_count', { event_type: 'chat_message' })).toBe(
    2,
  );
  expect(
    await readMetric(url, 'event_publish_duration_seconds_count', {
      transport: 'redis',
      event_type: 'notification',
    }),
  ).toBe(1);
  for (const stream of streamNames) {
    const hasStream = (name: string, labels = {}): boolean =>
      samples.some(
        (sample) =>
          sample.name === name && sample.labels['stream'] === stream && matches(sample.labels, labels),
      );
    expect(hasStream('event_queue_depth')).toBe(true);
    expect(hasStream('event_consumer_lag', { consumer_group: groupName })).toBe(true);
    expect(hasStream('event_oldest_entry_age_seconds')).toBe(true);
  }
});

/** Returns two figures of the gateway's metrics: the number of unacknowledged entries, and the number of unread entries. */
async function backlog(url: string, stream: string): Promise<number[]> {
  return [
    await readMetric(url, 'event_queue_depth', { stream }),
    await readMetric(url, 'event_consumer_lag', { stream }),
  ];
}

async function contents(redis: RedisServer): Promise<string[]> {
  return Promise.all(streamNames.map((stream) => redis.cli('XRANGE', stream, '-', '+')));
}

/** Runs a gateway that delivers `count` messages, and stops it. Returns the last entry ID before the stop. */
async function runAndStop(redis: RedisServer, roomId: string, count = 1): Promise<string> {
  await using gateway = await GatewayProcess.start({ MILLRACE_REDIS_URL: redis.url });
  await using client = await EventLog.inRoom(gateway.url, roomId);
  await acceptEvents(gateway.url, chatMessages(roomId, count));
  await client.received(count);
  const last = await lastEntryId(redis, 'events:chat');
  expect(await gateway.stop()).toBe(0);
  return last;
}

function matches(
  labels: Readonly<Record<string, string>>,
  wanted: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}
