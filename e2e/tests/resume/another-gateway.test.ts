// A client reconnects to another gateway with a position from the first one. It misses no event, or is told to reload.
import { randomUUID } from 'node:crypto';
import { startRedis } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { positionBeforeLeaving } from '../../fixtures/clients/leaving-client.js';
import {
  chatMessage,
  idsOf,
  idsOfStream,
  lastingEvents,
  streamNames,
  typing,
} from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { GatewayProcess } from '../../fixtures/processes/gateway-process.js';
import { assertAllAcknowledged, xaddByType } from '../../fixtures/redis/plain-redis.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { GatewayRow } from '../../fixtures/systems/gateway-row.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

test('another gateway replays the missed events of all streams in order, before new events and without typing', async () => {
  await using row = await GatewayRow.start(2);
  const [first, second] = row.names.map((name) => row.get(name).url) as [string, string];
  const roomId = randomUUID();
  const position = await positionBeforeLeaving(first, roomId);
  await using witness = await EventLog.inRoom(second, roomId);
  const missed = lastingEvents(roomId, 80);
  const typingEvents = Array.from({ length: 10 }, () => typing(roomId, randomUUID(), true));
  await Promise.all([
    acceptEvents(first, missed.slice(0, 40)),
    acceptEvents(second, [...typingEvents, ...missed.slice(40)]),
    acceptEvents(first, lastingEvents('elsewhere', 200)),
  ]);
  await witness.received(missed.length + typingEvents.length);

  // More events are published while the client reconnects.
  const later = lastingEvents(roomId, 80);
  const publishing = (async () => {
    for (const event of later) await acceptEvents(first, event);
  })();
  await using back = await EventLog.connect(second);
  const answer = await back.join(roomId, position);
  expect(answer).toMatchObject({ recovered: true });
  const replayed = back.ids.slice(0, answer.replayed);
  await publishing;
  await Promise.all([back.received(160), witness.received(170)]);
  const order = witness.events.filter(({ event_type }) => !event_type.startsWith('typing'));
  for (const stream of streamNames)
    expect(idsOfStream(back.events, stream)).toEqual(idsOfStream(order, stream));
  expect(back.ids).toHaveLength(160);
  expect(replayed.slice(0, 80).sort()).toEqual(idsOf(missed).sort());

  // A gateway that has just started replays the events from the streams.
  const { url: third } = await row.run('gateway-3');
  await using again = await EventLog.connect(third);
  expect(await again.join(roomId, position)).toMatchObject({ recovered: true, replayed: 160 });
  for (const stream of streamNames)
    expect(idsOfStream(again.events, stream)).toEqual(idsOfStream(order, stream));
});

test('a client of a quiet room can resume with its newest position, despite many events in other rooms', async () => {
  await using redis = await startRedis();
  const options = { redisUrl: redis.url, positionIntervalMs: 50, maxReplayBytes: 50_000 };
  await using gateway = await EmbeddedGateway.start({ ...options, instance: 'gateway-1' });
  await using other = await EmbeddedGateway.start({ ...options, instance: 'gateway-2' });
  const [first, second] = [gateway.url, other.url];
  const roomId = randomUUID();
  let told = '';
  let joined = '';
  {
    await using client = await EventLog.connect(first);
    client.connection.on('position', (message: { readonly position: string }) => {
      told = message.position;
    });
    joined = (await client.join(roomId)).position;
    await using witness = await EventLog.inRoom(first, 'elsewhere');
    for (let round = 0; round < 5; round += 1) await xaddByType(redis, lastingEvents('elsewhere', 400));
    await witness.received(2_000);
    for (const stream of streamNames) await redis.cli('XTRIM', stream, 'MAXLEN', '5');
    // No more events are published, so the next position message contains the final position.
    const end = (await witness.join('elsewhere')).position;
    await eventually(() => expect(told).toBe(end));
    expect(client.events).toEqual([]);
  }
  await using stale = await EventLog.connect(second);
  expect(await stale.join(roomId, joined)).toMatchObject({ recovered: false });
  await using fresh = await EventLog.connect(second);
  expect(await fresh.join(roomId, told)).toMatchObject({ recovered: true, replayed: 0 });
  const missed = chatMessage(roomId, 'while away');
  await xaddByType(redis, [missed]);
  await fresh.received(1);
  await using late = await EventLog.connect(second);
  expect(await late.join(roomId, told)).toMatchObject({ recovered: true, replayed: 1 });
  expect(late.ids).toEqual([missed.event_id]);
});

test.each([
  ['everything is flushed', ['FLUSHALL']],
  ['one stream of the room is deleted', ['DEL', 'events:ticket']],
])(
  'no gateway recovers an earlier position after %s, even if the gateway starts later',
  async (_, command) => {
    await using row = await GatewayRow.start(2);
    const { redis, names } = row;
    for (const name of names) row.get(name).mayLogErrors = true;
    const roomId = randomUUID();
    const position = await positionBeforeLeaving(row.get('gateway-1').url, roomId);
    const before = lastingEvents(roomId, 8);
    await xaddByType(redis, before);
    for (const stream of streamNames) await eventually(() => assertAllAcknowledged(redis, stream));
    await redis.cli(...command);
    // The new entries are as many as before and have newer IDs. No entry was ever removed from the new streams.
    await xaddByType(redis, lastingEvents(roomId, 8));
    for (const name of names) {
      await eventually(async () => {
        await using client = await EventLog.connect(row.get(name).url);
        expect(await client.join(roomId, position)).toMatchObject({ recovered: false, replayed: 0 });
      });
    }
    const { url } = await row.run('gateway-3');
    await using client = await EventLog.connect(url);
    const answer = await client.join(roomId, position);
    expect(answer).toMatchObject({ recovered: false, replayed: 0 });
    // Every gateway can replay new events again after the loss.
    const next = chatMessage(roomId, 'next');
    await xaddByType(redis, [next]);
    await client.received(1);
    for (const name of names) {
      await using other = await EventLog.connect(row.get(name).url);
      await eventually(async () =>
        expect(await other.join(roomId, answer.position)).toMatchObject({ recovered: true, replayed: 1 }),
      );
    }
  },
);

test('a gateway without Redis loses all events when it ends, and the next one answers `recovered: false`', async () => {
  const roomId = randomUUID();
  const run = async <Result>(use: (url: string) => Promise<Result>): Promise<Result> => {
    await using gateway = await GatewayProcess.start();
    const result = await use(gateway.url);
    return result;
  };
  const position = await run((url) => positionBeforeLeaving(url, roomId));
  await run(async (url) => {
    await acceptEvents(url, lastingEvents(roomId, 4));
    await using client = await EventLog.connect(url);
    expect(await client.join(roomId, position)).toMatchObject({ recovered: false, replayed: 0 });
  });
});
