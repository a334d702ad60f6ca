// Gateways of an earlier build, which do not know control entries, on the streams of a gateway that erases events.
import { randomUUID } from 'node:crypto';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../fixtures/clients/event-log.js';
import { chatMessage, idsOf } from '../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../fixtures/http/erase.js';
import { acceptEvents } from '../fixtures/http/ingest.js';
import { readMetric } from '../fixtures/http/metrics.js';
import { GatewayProcess } from '../fixtures/processes/gateway-process.js';
import { eventIdsIn } from '../fixtures/redis/plain-redis.js';
import { Resources } from '../fixtures/systems/resources.js';
import { eventually } from '../fixtures/waiting/eventually.js';
import { buildBase } from './support/base-build.js';

const streams = ['events:chat.p0', 'events:chat.p1', 'events:chat'];

test('an earlier build makes no dead letter of a control entry, and finds no gap where an entry was erased', async () => {
  await using resources = new Resources();
  const base = resources.use(await buildBase());
  const redis = resources.use(await startRedis());
  const environment = { MILLRACE_REDIS_URL: redis.url, MILLRACE_PARTITIONS: '2' };
  const present = resources.use(await GatewayProcess.start(environment));
  const earlier = resources.use(await GatewayProcess.start(environment, { cli: base.cli, limitMs: 60_000 }));
  const rooms = Array.from({ length: 8 }, () => randomUUID());
  const clients = await Promise.all(rooms.map((room) => EventLog.inRoom(earlier.url, room)));
  for (const client of clients) resources.use(client);
  const events = rooms.flatMap((room) => [chatMessage(room, 'kept'), chatMessage(room, 'erased')]);
  await acceptEvents(earlier.url, events);
  for (const client of clients) await client.received(2);
  const erased = idsOf(events.filter(({ payload }) => payload['content'] === 'erased'));
  for (const id of erased) await eraseOverHttp(present.url, `/v1/events/${id}`);
  const stored = async (): Promise<readonly string[]> =>
    (await Promise.all(streams.map((stream) => eventIdsIn(redis, stream)))).flat();
  await eventually(async () =>
    expect((await stored()).filter((id) => idsOf(events).includes(id)).sort()).toEqual(
      idsOf(events)
        .filter((id) => !erased.includes(id))
        .sort(),
    ),
  );
  // Both builds continue to deliver, and have counted everything that they read.
  const more = rooms.map((room) => chatMessage(room, 'more'));
  await acceptEvents(present.url, more);
  for (const client of clients) await client.received(3);
  for (const stream of streams) expect(await redis.cli('XLEN', `dead:{${stream}}`)).toBe('0');
  for (const { url } of [earlier, present]) {
    expect(await readMetric(url, 'event_gap_entries_total')).toBe(0);
    expect(await readMetric(url, 'events_dropped_total', { reason: 'invalid' })).toBe(0);
  }
  expect(await readMetric(present.url, 'control_entries_total', { kind: 'erase' })).toBe(erased.length);
}, 600_000);
