// An indicator that an application declares in its own catalog behaves like typing.
import { randomUUID } from 'node:crypto';
import { createRedisBroker } from '@millrace/broker';
import { createClient } from '@millrace/client';
import { defineCatalog, eventCatalog } from '@millrace/contract';
import { createPublisher } from '@millrace/publisher';
import { agentEvents, startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { type DeliveredEvent, EventLog } from '../../fixtures/clients/event-log.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const roomId = 'ticket-42';
const [ana, bob] = [randomUUID(), randomUUID()];

const { agentViewing, agentLeft } = agentEvents({ expiresAfterMs: 4_000 });
const catalog = defineCatalog({
  ...eventCatalog,
  eventTypes: [...eventCatalog.eventTypes, agentViewing, agentLeft],
});

const viewing = (agentId: string, isViewing: boolean) => ({
  agent_id: agentId,
  agent_name: agentId === ana ? 'Ana' : 'Bob',
  is_viewing: isViewing,
});

async function start(resources: Resources) {
  const redis = resources.use(await startRedis());
  const { gateway, url } = resources.use(await EmbeddedGateway.start({ catalog, redisUrl: redis.url }));
  const connect = async (userId: string, name: string) => {
    const log = resources.use(await EventLog.connectAs(url, userId, name));
    const events: DeliveredEvent[] = [];
    for (const type of ['agent_viewing', 'agent_left'])
      log.connection.on(type, (event: DeliveredEvent) => void events.push(event));
    return { join: () => log.join(roomId), events };
  };
  /** Adds entries by plain XADD, all in one script. Plain XADD bypasses the coalescing windows. */
  const xaddAll = async (payloads: readonly object[]): Promise<void> => {
    const entries = payloads.map((payload) => {
      const fields = {
        event_id: randomUUID(),
        event_type: 'agent_viewing',
        timestamp: new Date().toISOString(),
        room_id: roomId,
        payload: JSON.stringify(payload),
      };
      return JSON.stringify(Object.entries(fields).flat());
    });
    const script =
      "for _, fields in ipairs(ARGV) do redis.call('XADD', KEYS[1], '*', unpack(cjson.decode(fields))) end";
    await redis.cli('EVAL', script, '1', 'events:ticket', ...entries);
  };
  return { redis, gateway, url, connect, xaddAll };
}

test('an application’s indicator is coalesced, rate-limited, listed, hidden from its user and ended as declared', async () => {
  await using resources = new Resources();
  const { gateway, url, connect, xaddAll } = await start(resources);
  const reader = await connect(bob, 'Bob');
  const self = await connect(ana, 'Ana');
  for (const client of [reader, self]) await client.join();

  // Coalescing: three events in one window become one.
  const states = [true, false, true];
  await Promise.all(states.map((is) => gateway.publisher.publish('agent_viewing', roomId, viewing(ana, is))));
  await eventually(() => expect(reader.events).toHaveLength(1));
  expect(reader.events[0]).toMatchObject({
    event_type: 'agent_viewing',
    payload: viewing(ana, true),
    metadata: { coalesced_count: 3 },
  });
  expect(await readMetric(url, 'events_coalesced_total', { event_type: 'agent_viewing' })).toBe(2);

  // Listing: other users see the indicator, but its own user does not.
  const viewer = { user_id: ana, username: 'Ana' };
  expect(await reader.join()).toMatchObject({ typing: [], indicators: { agent_viewing: [viewer] } });
  expect(await self.join()).not.toHaveProperty('indicators');

  // Ending: an event of another type ends the indicator.
  await gateway.publisher.publish('agent_left', roomId, { agent_id: ana });
  await eventually(() => expect(reader.events).toHaveLength(2));
  expect(await reader.join()).not.toHaveProperty('indicators');

  // Rate limit: events by plain XADD are sent at most once per 100 ms, and the last state is sent last.
  await xaddAll(Array.from({ length: 21 }, (_, n) => viewing(ana, n % 2 === 0)));
  await eventually(async () =>
    expect(await readMetric(url, 'events_dropped_total', { reason: 'superseded' })).toBeGreaterThan(0),
  );
  await eventually(() => expect(reader.events.at(-1)).toMatchObject({ payload: viewing(ana, true) }));
  expect(reader.events.length).toBeLessThan(20);
  expect(self.events.map(({ event_type }) => event_type)).toEqual(['agent_left']);

  // Expiry: the indicator ends by itself.
  await eventually(async () => expect(await reader.join()).not.toHaveProperty('indicators'));
});

test('an indicator that still waits in its window is not shown after an event that ends it', async () => {
  await using resources = new Resources();
  const { redis, connect, url } = await start(resources);
  const reader = await connect(bob, 'Bob');
  await reader.join();
  const broker = createRedisBroker({ streams: catalog.streams, url: redis.url });
  resources.defer(() => broker.close());
  await broker.open();
  const publisher = createPublisher({ broker, catalog });
  resources.defer(() => publisher.close());
  await publisher.publish('agent_viewing', roomId, viewing(ana, true));
  await publisher.publish('agent_left', roomId, { agent_id: ana });
  await publisher.publish('agent_viewing', roomId, viewing(bob, false));
  await eventually(() => expect(reader.events.length).toBeGreaterThan(0));
  const client = createClient<typeof catalog>({
    url: `${url}/hubs/events?user=${randomUUID()}&name=Eve`,
    catalog,
  });
  resources.defer(() => client.close());
  await client.connect();
  const room = client.join(roomId);
  await room.joined;
  await publisher.publish('agent_viewing', roomId, viewing(bob, true));
  await eventually(() =>
    expect(room.shownUsers('agent_viewing')).toEqual([{ user_id: bob, username: 'Bob' }]),
  );
  await publisher.publish('agent_left', roomId, { agent_id: bob });
  await eventually(() => expect(room.shownUsers('agent_viewing')).toEqual([]));
  expect(reader.events.map(({ event_type, payload }) => [event_type, payload.agent_id])).not.toContainEqual([
    'agent_viewing',
    ana,
  ]);
});
