// Events of the low and medium lanes that are older than 5 minutes are counted and not sent. Events of the high lane are
// always sent. An event's age is the time of Redis minus the time in the entry ID.
import { randomUUID } from 'node:crypto';
import type { RedisServer } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import {
  chatMessage,
  fullEvents,
  notification,
  readReceipt,
  type SampleEvent,
  streamOfType,
  typing,
} from '../../fixtures/events/sample-events.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { assertAllAcknowledged, entryFields, xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const secondMs = 1_000;

test('an event is dropped at an age of 300 s unless its priority is high', async () => {
  await using system = await startOnRedis();
  const { redis, url } = system;
  const roomId = randomUUID();
  await using client = await EventLog.inRoom(url, roomId);
  const oldHigh = fullEvents(roomId).filter((event) => !isPerishable(event));
  const stale = [
    typing(roomId, randomUUID(), true),
    readReceipt(roomId, randomUUID(), [randomUUID()]),
    notification(roomId, 'stale'),
  ];
  const fresh = [
    typing(roomId, randomUUID(), true),
    readReceipt(roomId, randomUUID(), [randomUUID()]),
    notification(roomId, 'fresh'),
  ];
  // IDs must grow within a stream, so the oldest events are added first, to empty streams.
  for (const event of oldHigh) await xaddOfAge(redis, event, 3_600 * secondMs);
  for (const event of stale) await xaddOfAge(redis, event, 301 * secondMs);
  for (const event of fresh) await xaddOfAge(redis, event, 299 * secondMs);
  const high = chatMessage(roomId, 'of now');
  await xaddEvent(redis, high);
  await client.received(oldHigh.length + fresh.length + 1);
  await eventually(async () =>
    expect(await readMetric(url, 'events_dropped_total', { reason: 'stale' })).toBe(stale.length),
  );
  const sent = [...oldHigh, ...fresh, high].map((event) => event.event_id);
  expect([...client.ids].sort()).toEqual(sent.sort());
  for (const stream of Object.values(streamOfType))
    await eventually(() => assertAllAcknowledged(redis, stream));
});

test('events of a producer with a wrong clock are not dropped, because the entry ID decides the age', async () => {
  await using system = await startOnRedis();
  const { redis, url } = system;
  const roomId = randomUUID();
  await using client = await EventLog.inRoom(url, roomId);
  const early = { ...notification(roomId, 'clock is a day late'), timestamp: '2020-01-01T00:00:00+05:30' };
  const late = {
    ...notification(roomId, 'clock is ahead'),
    timestamp: '2099-12-31T23:59:59.999999999-11:00',
  };
  await xaddEvent(redis, early);
  await xaddEvent(redis, late);
  const delivered = await client.received(2);
  expect(delivered).toMatchObject([early, late]);
  expect(await readMetric(url, 'events_dropped_total', { reason: 'stale' })).toBe(0);
});

function isPerishable(event: SampleEvent): boolean {
  return ['typing_start', 'typing_stop', 'read_receipt', 'notification'].includes(event.event_type);
}

/** Adds an entry whose ID is `ageMs` old by the clock of Redis. */
async function xaddOfAge(redis: RedisServer, event: SampleEvent, ageMs: number): Promise<void> {
  const script = `local now = redis.call('TIME')
    local ms = now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[1]
    local fields = {}
    for i = 2, #ARGV do fields[#fields + 1] = ARGV[i] end
    return redis.call('XADD', KEYS[1], string.format('%.0f', ms) .. '-*', unpack(fields))`;
  const fields = Object.entries(entryFields(event)).flat();
  const reply = await redis.cli(
    'EVAL',
    script,
    '1',
    streamOfType[event.event_type],
    String(ageMs),
    ...fields,
  );
  if (!/^\d+-\d+$/.test(reply)) throw new Error(`XADD answered ${reply}`);
}
