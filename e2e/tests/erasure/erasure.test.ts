// Erased events: what connected clients and clients that come back are sent, and what a repeat does.
import { randomUUID } from 'node:crypto';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { ErasureLog } from '../../fixtures/clients/erasure-log.js';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage, chatMessages, idsOf, type SampleEvent } from '../../fixtures/events/sample-events.js';
import { eraseOverHttp } from '../../fixtures/http/erase.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { readMetric } from '../../fixtures/http/metrics.js';
import { eventIdsIn, xaddAll, xaddEvent } from '../../fixtures/redis/plain-redis.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { everyBroker } from '../../fixtures/systems/every-broker.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

test.each(everyBroker)(
  'members are told of an erased event, clients that come back are not sent it and recover, and a repeat is a duplicate %s',
  async (_, start) => {
    await using system = await start();
    const roomId = randomUUID();
    await using member = await EventLog.connect(system.url);
    const log = new ErasureLog(member);
    const { position } = await log.join(roomId);
    const [first, second, third] = ['a', 'b', 'c'].map((text) => chatMessage(roomId, text)) as [
      SampleEvent,
      SampleEvent,
      SampleEvent,
    ];
    await acceptEvents(system.url, [first, second, third]);
    await member.received(3);

    const answer = await eraseOverHttp(system.url, `/v1/events/${second.event_id.toUpperCase()}`);
    expect(answer).toMatchObject({ erased: 1, dead_letters: 0 });
    await eventually(() => expect(log.erased).toEqual([second.event_id]));
    expect(log.heard.at(-1)).toBe(`erased ${second.event_id}`);

    await using back = await EventLog.connect(system.url);
    const backLog = new ErasureLog(back);
    expect(await backLog.join(roomId, position)).toMatchObject({ recovered: true, replayed: 3 });
    expect(backLog.heard).toEqual([
      `event ${first.event_id}`,
      `event ${third.event_id}`,
      `erased ${second.event_id}`,
    ]);
    // A client that saw the event, but not its erasure, is told of the erasure.
    await using later = await EventLog.connect(system.url);
    const laterLog = new ErasureLog(later);
    expect(await laterLog.join(roomId, member.events[2]?.position)).toMatchObject({ recovered: true });
    expect(laterLog.heard).toEqual([`erased ${second.event_id}`]);
    // A client that was told of it is not told again.
    expect(await laterLog.join(roomId, log.position)).toMatchObject({ recovered: true, replayed: 0 });

    const response = await fetch(`${system.url}/v1/events`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(second),
    });
    expect(await response.json()).toMatchObject({ is_duplicate: true });
    expect(await eraseOverHttp(system.url, `/v1/events/${second.event_id}`)).toMatchObject({ erased: 0 });
    const end = chatMessage(roomId, 'the end');
    await acceptEvents(system.url, end);
    expect(await member.idsUpTo(end.event_id)).toEqual(idsOf([first, second, third, end]));
  },
);

test('an erasure with an unknown or a contradictory part is refused, and erases nothing', async () => {
  await using gateway = await EmbeddedGateway.start();
  const [user, roomId] = [randomUUID(), randomUUID()];
  await acceptEvents(gateway.url, chatMessage(roomId, 'kept', { sender_id: user }));
  const path = `${gateway.url}/v1/users/${user}/events`;
  const send = async (query: string, body?: string) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(`${path}${query}`, { method: 'DELETE', headers, body: body ?? null });
    return { status: response.status, body: (await response.json()) as unknown };
  };
  for (const [query, body, detail] of [
    ['?roomid=other', undefined, /"roomid" is not a parameter/],
    ['', '{"rom_id":"other"}', /The body has "rom_id"/],
    ['', '["other"]', /The body must be an object/],
    ['?room_id=a', '{"room_id":"b"}', /name different rooms/],
  ] as const)
    expect(await send(query, body)).toMatchObject({
      status: 400,
      body: { code: 'invalid_parameter', detail: expect.stringMatching(detail) as string },
    });
  expect(await send('?room_id=other', '{"room_id":"other"}')).toMatchObject({
    status: 200,
    body: { erased: 0 },
  });
  expect(await send('')).toMatchObject({ status: 200, body: { erased: 1 } });
});

test('an erased event leaves Redis, and is counted neither as lost nor as expired, with two gateways', async () => {
  await using system = await startOnRedis({ gateways: 2 });
  const { redis } = system;
  const roomId = randomUUID();
  const urls = [system.gatewayAt(0).url, system.gatewayAt(1).url];
  const logs: ErasureLog[] = [];
  for (const url of urls) {
    const client = system.use(await EventLog.connect(url));
    const log = new ErasureLog(client);
    await log.join(roomId);
    logs.push(log);
  }
  const events = chatMessages(roomId, 20);
  for (const event of events) await xaddEvent(redis, event);
  const erased = [events[0], events[7], events[19]].map((event) => event?.event_id ?? '');
  for (const id of erased) await eraseOverHttp(urls[0] ?? '', `/v1/events/${id}?room_id=${roomId}`);
  for (const log of logs) await eventually(() => expect(log.erased).toEqual(erased));
  const kept = idsOf(events).filter((id) => !erased.includes(id));
  await eventually(async () =>
    expect((await eventIdsIn(redis, 'events:chat')).filter((id) => idsOf(events).includes(id))).toEqual(kept),
  );
  // More events and heartbeats, so that every gateway counts what it has read.
  const more = chatMessages(roomId, 20);
  for (const event of more) await xaddEvent(redis, event);
  for (const log of logs) await eventually(() => expect(log.shown).toEqual([...kept, ...idsOf(more)]));
  for (const url of urls) {
    expect(await readMetric(url, 'event_gap_entries_total')).toBe(0);
    expect(await readMetric(url, 'event_expired_entries')).toBe(0);
    expect(await readMetric(url, 'events_dropped_total', { reason: 'invalid' })).toBe(0);
    expect(await readMetric(url, 'control_entries_total', { kind: 'erase', outcome: 'followed' })).toBe(3);
  }
  for (const log of logs) expect(log.heard).not.toContain('resync');
});

test('an event by plain XADD is found without its dedupe ID, and a replay from the stream leaves it out before and after its removal', async () => {
  await using redis = await startRedis();
  // The memory of this gateway has room for the newest events only.
  await using gateway = await EmbeddedGateway.start({ redisUrl: redis.url, maxReplayBytes: 20_000 });
  const roomId = randomUUID();
  await using client = await EventLog.connect(gateway.url);
  const { position } = await client.join(roomId);
  const events = chatMessages(roomId, 6);
  await xaddAll(redis, 'events:chat', [...events, ...chatMessages('elsewhere', 200)]);
  await client.received(6);
  const repeated = events[2] ?? chatMessage(roomId, '');
  await xaddEvent(redis, repeated);
  // A member that stalls: the entries cannot be removed before it has read the control entry.
  await redis.cli(
    'HSET',
    'cursors:{events:chat}',
    'slow',
    `0-1|${Date.now() + 60_000}|${Date.now() + 60_000}`,
  );
  expect((await eraseOverHttp(gateway.url, `/v1/events/${repeated.event_id}`)).erased).toBe(2);
  const kept = idsOf(events).filter((id) => id !== repeated.event_id);
  const replay = async (): Promise<void> => {
    await using back = await EventLog.connect(gateway.url);
    const log = new ErasureLog(back);
    expect(await log.join(roomId, position)).toMatchObject({ recovered: true });
    expect(back.ids).toEqual(kept);
    expect(new Set(log.erased)).toEqual(new Set([repeated.event_id]));
  };
  const isStored = async (): Promise<boolean> =>
    (await eventIdsIn(redis, 'events:chat')).includes(repeated.event_id);
  expect(await isStored()).toBe(true);
  await replay();
  await redis.cli('HDEL', 'cursors:{events:chat}', 'slow');
  await eventually(async () => expect(await isStored()).toBe(false));
  await replay();
});
