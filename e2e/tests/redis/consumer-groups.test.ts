// Consumer groups beside the gateways' own group. A second deployment of gateways, and services of another kind, use the same
// streams.
import { randomUUID } from 'node:crypto';
import { type RedisServer, startRedis } from '@millrace/testkit';
import { createClient } from '@redis/client';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, chatMessages, idsOf, notification } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readSamples } from '../../fixtures/http/metrics.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import {
  assertAllAcknowledged,
  consumerNames,
  groupInfo,
  groupName,
  pendingCount,
  xaddEvent,
} from '../../fixtures/redis/plain-redis.js';
import { Resources } from '../../fixtures/systems/resources.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

const chat = 'events:chat';

/** A service that reads `events:chat` with a consumer group, as a backend without Millrace does. It acknowledges nothing. */
async function startService(resources: Resources, redis: RedisServer, group: string) {
  const client = await createClient({ url: redis.url }).connect();
  resources.defer(async () => client.destroy());
  await client.xGroupCreate(chat, group, '0', { MKSTREAM: true });
  const ids: string[] = [];
  return {
    ids,
    /** Reads what the service has not read yet. */
    async read(): Promise<void> {
      const reply = await client.xReadGroup(
        group,
        'signalr-instance-1',
        { key: chat, id: '>' },
        { COUNT: 1_000 },
      );
      const streams = (reply ?? []) as { messages: { message: Record<string, string> }[] }[];
      for (const { messages } of streams)
        for (const { message } of messages) ids.push(message['event_id'] ?? '');
    },
  };
}

test('a service that reads signalr-consumers gets every event beside a gateway with another group', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const service = await startService(resources, redis, groupName);
  const environment = { MILLRACE_REDIS_URL: redis.url, MILLRACE_CONSUMER_GROUP: 'millrace' };
  const gateway = resources.use(await GatewayProcess.start(environment));
  const client = resources.use(await EventLog.inRoom(gateway.url, 'room'));
  const events = chatMessages('room', 25);
  for (const event of events.slice(0, 13)) await xaddEvent(redis, event);
  await acceptEvents(gateway.url, events.slice(13));
  expect(idsOf(await client.received(25))).toEqual(idsOf(events));
  await eventually(() => assertAllAcknowledged(redis, chat, 'millrace'));
  await service.read();
  expect(service.ids).toEqual(idsOf(events));
  // The gateway has acknowledged nothing for the service. A stop of the gateway changes nothing.
  await gateway.stop();
  expect(await pendingCount(redis, chat)).toBe(25);
  expect(await consumerNames(redis, chat)).toEqual(['signalr-instance-1']);
});

test('gateways of two groups deliver everything, even if one gateway is killed', async () => {
  await using resources = new Resources();
  const redis = resources.use(await startRedis());
  const service = await startService(resources, redis, 'audit');
  const start = (group?: string) =>
    GatewayProcess.start({
      MILLRACE_REDIS_URL: redis.url,
      MILLRACE_INSTANCE: 'same-name',
      ...(group === undefined ? {} : { MILLRACE_CONSUMER_GROUP: group }),
    });
  const ours = resources.use(await start());
  const theirs = resources.use(await start('millrace'));
  const roomId = randomUUID();
  const clients = [];
  for (const { url } of [ours, theirs]) clients.push(resources.use(await EventLog.inRoom(url, roomId)));
  const events = [...chatMessages(roomId, 100), notification(roomId, 'last')];
  await acceptEvents(ours.url, events.slice(0, 50));
  await acceptEvents(theirs.url, events.slice(50));
  for (const client of clients) {
    await client.received(events.length);
    expect(idsOf(client.events.filter(({ event_type }) => event_type === 'chat_message'))).toEqual(
      idsOf(events.slice(0, 100)),
    );
  }
  for (const group of [groupName, 'millrace']) {
    await eventually(() => assertAllAcknowledged(redis, chat, group));
    expect(await consumerNames(redis, chat, group)).toEqual(['signalr-instance-1']);
  }
  const labels = (await readSamples(theirs.url)).flatMap(
    ({ labels: { consumer_group: group } }) => group ?? [],
  );
  expect(new Set(labels)).toEqual(new Set(['millrace']));

  await theirs.stop('SIGKILL');
  const more = chatMessages(roomId, 50);
  await acceptEvents(ours.url, more);
  await clients[0]?.received(events.length + more.length);
  await eventually(() => assertAllAcknowledged(redis, chat));
  expect(await groupInfo(redis, chat, 'millrace')).toMatchObject({ lag: '50' });

  // A new gateway of the group begins after the last acknowledged entry, although the former gateway never left the group.
  const successor = resources.use(await start('millrace'));
  await eventually(() => assertAllAcknowledged(redis, chat, 'millrace'));
  const last = chatMessage(roomId, 'last');
  const late = resources.use(await EventLog.inRoom(successor.url, roomId));
  await acceptEvents(successor.url, last);
  for (const client of [clients[0], late]) await client?.event(({ event_id }) => event_id === last.event_id);
  expect(clients[0]?.ids).toHaveLength(events.length + more.length + 1);

  await service.read();
  expect(service.ids).toEqual(idsOf([...events.slice(0, 100), ...more, last]));
  expect(await pendingCount(redis, chat, 'audit')).toBe(service.ids.length);
});
