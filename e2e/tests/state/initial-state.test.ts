// A state that a server has loaded, with a position from `GET /v1/rooms/{room}/position`. The gateway that gave the position may be
// ahead of the gateway that the client joins.
import { randomUUID } from 'node:crypto';
import { createClient } from '@millrace/client';
import { startTcpProxy } from '@millrace/testkit';
import { expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { chatMessage } from '../../fixtures/events/sample-events.js';
import { xaddAll } from '../../fixtures/redis/plain-redis.js';
import { startOnRedis } from '../../fixtures/systems/redis-system.js';
import { eventually } from '../../fixtures/waiting/eventually.js';

test('a state whose position is ahead of the joined gateway continues without a gap or a repeat', async () => {
  await using system = await startOnRedis();
  const wire = system.use(await startTcpProxy(system.redis.port));
  const behind = await system.startGateway({ MILLRACE_REDIS_URL: `redis://127.0.0.1:${wire.port}` });
  const roomId = randomUUID();
  await using reader = await EventLog.inRoom(system.url, roomId);
  wire.delay('replies', 700);
  await xaddAll(system.redis, 'events:chat', [chatMessage(roomId, 'one'), chatMessage(roomId, 'two')]);
  await reader.received(2);
  const response = await fetch(`${system.url}/v1/rooms/${roomId}/position`);
  const { position } = (await response.json()) as { readonly position: string };
  await xaddAll(system.redis, 'events:chat', [chatMessage(roomId, 'three')]);

  const client = createClient({ url: behind.url });
  await using _client = { [Symbol.asyncDispose]: () => client.close() };
  const calls: string[] = [];
  const load = client.join(roomId, { after: position }).load<readonly string[]>(
    async (context) => {
      calls.push(context.roomId);
      return [];
    },
    {
      initial: { state: ['one', 'two'], position },
      reduce: (state, event) =>
        event.event_type === 'chat_message' ? [...state, event.payload.content] : state,
    },
  );
  expect(load.snapshot).toMatchObject({ status: 'loading', state: ['one', 'two'] });
  await client.connect();
  wire.restore();
  await xaddAll(system.redis, 'events:chat', [chatMessage(roomId, 'four')]);
  await eventually(() =>
    expect(load.snapshot).toMatchObject({ status: 'live', state: ['one', 'two', 'three', 'four'] }),
  );
  expect(calls).toEqual([]);
});
