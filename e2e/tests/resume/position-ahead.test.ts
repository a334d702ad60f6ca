// A join with a position ahead of the gateway waits until the gateway has read that far. A join with a position ahead of the
// stream itself gets `recovered: false`.
import { randomUUID } from 'node:crypto';
import { startTcpProxy } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage } from '../../fixtures/events/sample-events.js';
import { xaddAll } from '../../fixtures/redis/plain-redis.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';

test('a join with a position that is ahead of the stream gets `recovered: false`', async () => {
  await using system = await startOnRedis();
  const { url, redis } = system;
  await using client = await EventLog.connect(url);
  const roomId = randomUUID();
  await client.join(roomId);
  await xaddAll(redis, 'events:chat', [chatMessage(roomId, 'seen')]);
  const [seen] = await client.received(1);
  const position = seen?.position ?? '';
  // Moves the position one minute ahead in its first stream, which is the stream of the message. The format
  // is `<epoch>-<milliseconds, base 36>…`.
  const future = position.replace(/-([0-9a-z]+)/, (_, ms: string) => {
    const later = Number.parseInt(ms, 36) + 60_000;
    return `-${later.toString(36)}`;
  });
  await using back = await EventLog.connect(url);
  expect(await back.join(roomId, position)).toMatchObject({ recovered: true, replayed: 0 });
  expect(await back.join(roomId, future)).toMatchObject({ recovered: false, replayed: 0 });
  expect(await back.join('user:me', future)).toMatchObject({ recovered: false });
  await xaddAll(redis, 'events:chat', [chatMessage(roomId, 'next')]);
  await back.received(1);
});

test('a join waits at a gateway that is behind, and then recovers the client without a repeated event', async () => {
  await using pair = await startPair();
  const { ahead, wire, behind, redis } = pair;
  const roomId = randomUUID();
  await using reader = await EventLog.inRoom(ahead.url, roomId);
  await using back = await EventLog.connect(behind.url);
  wire.delay('replies', 700);
  const seen = Array.from({ length: 20 }, (_, n) => chatMessage(roomId, `seen ${n}`));
  await xaddAll(redis, 'events:chat', seen);
  const position = (await reader.received(seen.length)).at(-1)?.position;
  const answer = await back.join(roomId, position);
  wire.restore();
  expect(answer).toMatchObject({ recovered: true, replayed: 0 });
  const next = chatMessage(roomId, 'next');
  await xaddAll(redis, 'events:chat', [next]);
  expect(await back.idsUpTo(next.event_id)).toEqual([next.event_id]);
});

test('a gateway that cannot reach Redis answers a join with “Try again later”, and recovers the client later', async () => {
  await using pair = await startPair();
  const { ahead, wire, behind, redis } = pair;
  behind.mayLogErrors = true;
  const roomId = randomUUID();
  await using reader = await EventLog.inRoom(ahead.url, roomId);
  await using back = await EventLog.connect(behind.url);
  wire.swallow('replies');
  const events = Array.from({ length: 3 }, (_, n) => chatMessage(roomId, `message ${n}`));
  await xaddAll(redis, 'events:chat', events);
  const [first, second] = await reader.received(3);
  await expect(back.join(roomId, first?.position)).rejects.toThrow(/Try again later\.$/);
  await expect(back.connection.invoke('SendTyping', roomId, true)).rejects.toThrow(/Join the room first/);
  wire.restore();
  wire.cut();
  await expect
    .poll(() => back.join(roomId, first?.position).catch(() => undefined), { timeout: 30_000 })
    .toMatchObject({ recovered: true });
  await back.event(({ event_id }) => event_id === events[2]?.event_id);
  expect(back.ids).toEqual([second?.event_id, events[2]?.event_id]);
});

/** Starts two gateways on one Redis. `wire` is the proxy between Redis and the gateway `behind`. */
async function startPair() {
  const system = await startOnRedis();
  const wire = system.use(await startTcpProxy(system.redis.port));
  const behind = await system.startGateway({ MILLRACE_REDIS_URL: `redis://127.0.0.1:${wire.port}` });
  return Object.assign(system, { wire, ahead: system.gateway, behind });
}
