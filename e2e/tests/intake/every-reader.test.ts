// Whatever an entry of another program holds, every reader turns it into the same event: the tail, the warm-up and reads of older entries.
import { defineApp } from '@millrace/gateway';
import { startRedis } from '@millrace/testkit';
import { createClient } from '@redis/client';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { DeliveredEvent } from '../../fixtures/clients/event-log.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { readAllPages, readPosition } from '../../fixtures/http/room-reads.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const stream = 'events:notification';
const roomId = 'room';

const app = defineApp({
  intake: {
    [stream]: {
      fields: { event_type: { from: 'kind', values: { note: 'notification', ping: null } }, event_id: 'id' },
      eventId: 'hashed',
      snakeCase: 'camel',
      rename: { old_name: 'new_name' },
      defaults: { title: 'none', nested: { a: 1 } },
      defaultsFrom: { at: 'timestamp', by: 'payload.updated_by.name' },
      timestamps: ['created_at'],
      map: ({ payload }) => {
        const { kind, tags } = payload as Readonly<Record<string, unknown>>;
        if (kind === 'skip') return null;
        if (kind === 'throw') throw new Error('no');
        return Array.isArray(tags) ? { payload: { ...(payload as object), tags: tags.length } } : {};
      },
    },
  },
});

const name = fc.constantFrom(
  'oldName',
  'new_name',
  'title',
  'tags',
  'kind',
  'createdAt',
  'updatedBy',
  'nested',
  'x',
);
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom('skip', 'throw', '2026-01-16T10:00:00+00:00Z', { name: 'maria' }),
);
const entry = fc.record(
  {
    kind: fc.constantFrom('note', 'note', 'note', 'ping', 'other'),
    room_id: fc.constant(roomId),
    id: fc.oneof(fc.constantFrom('same-1', 'same-2'), fc.uuid()),
    timestamp: fc.constantFrom('2026-01-16T10:00:00+00:00Z', '2026-01-16T10:00:00', 'today'),
    payload: fc.oneof(
      { weight: 9, arbitrary: fc.dictionary(name, value).map((object) => JSON.stringify(object)) },
      fc.string(),
    ),
  },
  { requiredKeys: ['kind', 'room_id', 'payload'] },
);

function withoutPosition(delivered: DeliveredEvent): object {
  const { position: _position, ...event } = delivered;
  return event;
}

test('the tail, the warm-up and reads of older entries turn the same entries into the same events', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const options = {
    redisUrl: redis.url,
    app,
    maxWarmUpEntries: 10_000,
    maxReplayEventsPerRoom: 10_000,
    maxReplayBytesPerRoom: 50_000_000,
  };
  const tail = resources.use(await EmbeddedGateway.start(options));
  const start = await readPosition(tail.url, roomId);
  const seed = Number(process.env['SEED'] ?? Date.now());
  const entries = fc.sample(entry, { numRuns: 600, seed });
  const client = await createClient({ url: redis.url }).connect();
  await Promise.all(entries.map((fields) => client.xAdd(stream, '*', fields)));
  await client.close();

  const eventsOf = async (url: string): Promise<readonly object[]> => {
    const pages = await readAllPages(url, roomId, start, 200);
    expect(
      pages.every(({ recovered }) => recovered),
      `seed ${seed}`,
    ).toBe(true);
    return pages.flatMap(({ events }) => events).map(withoutPosition);
  };
  const counts = async (): Promise<number> =>
    (
      await Promise.all(
        ['skipped', 'invalid', 'duplicate'].map((reason) =>
          readMetric(tail.url, 'events_dropped_total', { reason }),
        ),
      )
    ).reduce((sum, count) => sum + count, 0);
  await eventually(async () =>
    expect((await counts()) + (await eventsOf(tail.url)).length).toBe(entries.length),
  );
  const expected = await eventsOf(tail.url);
  expect(expected.length, `seed ${seed}`).toBeGreaterThan(100);

  const warm = resources.use(await EmbeddedGateway.start(options));
  const older = resources.use(await EmbeddedGateway.start({ ...options, maxReplayBytes: 1_000 }));
  expect(await eventsOf(warm.url), `seed ${seed}`).toEqual(expected);
  expect(await eventsOf(older.url), `seed ${seed}`).toEqual(expected);
});
