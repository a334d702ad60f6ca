// A user is removed from a room, on three gateways: while connected, while away, and after trims and restarts.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../fixtures/clients/event-log.js';
import { MemberClient } from '../../fixtures/clients/member-client.js';
import { chatMessage, idsOf, lastingEvents, streamNames } from '../../fixtures/events/sample-events.js';
import { acceptEvents } from '../../fixtures/http/ingest.js';
import { addMember, memberKey, memberOptions, removeMember, signOut } from '../../fixtures/http/members.js';
import { apiKey, signToken } from '../../fixtures/http/tokens.js';
import { EmbeddedGateway } from '../../fixtures/systems/embedded-gateway.js';
import { MemberGateways } from '../../fixtures/systems/member-gateways.js';
import { sharedSystem } from '../../fixtures/systems/shared-system.js';

const system = sharedSystem(() => MemberGateways.start(3));
const removed = /You were removed from this room/;

/** Publishes events of all streams through one of the gateways, and returns their IDs. */
async function publish(roomId: string, count = 8): Promise<readonly string[]> {
  const events = lastingEvents(roomId, count);
  await acceptEvents(system().first.url, events, { key: memberKey });
  return idsOf(events);
}

/** Connects a user to every gateway, and joins the room. */
async function connectAll(sub: string, roomId: string): Promise<readonly MemberClient[]> {
  const clients = await Promise.all(system().urls.map((url) => MemberClient.connect(url, { sub })));
  await Promise.all(clients.map(({ log }) => log.join(roomId)));
  return clients;
}

describe('a user who is removed from a room', () => {
  test('the user is sent every event from before the removal and none from behind it, on every gateway', async () => {
    const [sub, roomId] = [randomUUID(), randomUUID()];
    const clients = await connectAll(sub, roomId);
    await using other = await MemberClient.connect(system().first.url, { sub: randomUUID() });
    await other.log.join(roomId);
    const before = await publish(roomId);
    expect(await removeMember(system().urls[1] ?? '', roomId, sub)).toEqual({
      status: 200,
      body: { room_id: roomId, user_id: sub, is_changed: true },
    });
    const behind = await publish(roomId);
    await other.log.received(before.length + behind.length);
    for (const client of clients) {
      expect(await client.removedFrom(roomId)).toEqual({ room_id: roomId, reason: 'removed' });
      await expect(client.log.join(roomId)).rejects.toThrow(removed);
      await expect(client.log.connection.invoke('SendTyping', roomId, true)).rejects.toThrow(removed);
      expect([...client.ids].sort()).toEqual([...before].sort());
      expect(client.removals).toHaveLength(1);
      await client[Symbol.asyncDispose]();
    }
  });

  test('cannot resume the room with an earlier position, on any gateway', async () => {
    const [sub, roomId] = [randomUUID(), randomUUID()];
    const token = await signToken({ sub, rooms: ['*'] });
    const positions: string[] = [];
    {
      await using client = await MemberClient.connect(system().first.url, { sub, token });
      const { position } = await client.log.join(roomId);
      const seen = await publish(roomId);
      await client.log.received(seen.length);
      positions.push(position, client.log.events.at(-1)?.position ?? '');
    }
    await removeMember(system().first.url, roomId, sub);
    await publish(roomId);
    for (const url of system().urls) {
      await using client = await EventLog.connect(url, { token, query: '?resume=1' });
      for (const position of positions) await expect(client.join(roomId, position)).rejects.toThrow(removed);
      expect(client.ids).toEqual([]);
    }
  });

  test('may enter again at once on every gateway after being added, and is sent nothing from in between', async () => {
    const [sub, roomId] = [randomUUID(), randomUUID()];
    await using client = await MemberClient.connect(system().first.url, { sub });
    const { position } = await client.log.join(roomId);
    await removeMember(system().first.url, roomId, sub);
    await client.removedFrom(roomId);
    const between = await publish(roomId);
    expect(await addMember(system().first.url, roomId, sub)).toMatchObject({ body: { is_changed: true } });
    await Promise.all(
      system().urls.map(async (url) => {
        await using back = await MemberClient.connect(url, { sub });
        expect(await back.log.join(roomId, position)).toMatchObject({ recovered: false });
        const [last = ''] = await publish(roomId, 1);
        await back.log.event(({ event_id }) => event_id === last);
        expect(back.ids.filter((id) => between.includes(id))).toEqual([]);
      }),
    );
  });

  test('the user may be removed and added any number of times, and is kept in other rooms', async () => {
    const [sub, roomId] = [randomUUID(), randomUUID()];
    await using client = await MemberClient.connect(system().first.url, { sub });
    await client.log.join('lobby');
    const changes: unknown[] = [];
    for (const act of [removeMember, removeMember, addMember, addMember, removeMember])
      changes.push(((await act(system().first.url, roomId, sub)).body as { is_changed: unknown }).is_changed);
    expect(changes).toEqual([true, false, true, false, true]);
    await expect(client.log.join(roomId)).rejects.toThrow(removed);
    const seen = await publish('lobby');
    await client.log.received(seen.length);
  });
});

test('a removal is kept after a trim of its streams and a restart of Redis, on old gateways and on new ones', async () => {
  const { redis, first } = system();
  const [sub, roomId] = [randomUUID(), randomUUID()];
  const token = await signToken({ sub, rooms: ['*'] });
  await removeMember(first.url, roomId, sub);
  for (const stream of streamNames) await redis.cli('XTRIM', stream, 'MAXLEN', '0');
  await redis.stop();
  await redis.restart();
  const late = await system().add();
  for (const url of [first.url, late.url]) {
    await using client = await EventLog.connect(url, { token });
    await expect(client.join(roomId)).rejects.toThrow(removed);
  }
});

test('a gateway with the memory broker removes, adds and signs out in the same way', async () => {
  await using gateway = await EmbeddedGateway.start(memberOptions);
  const [sub, roomId] = [randomUUID(), randomUUID()];
  const token = await signToken({ sub, rooms: ['*'] });
  await using client = await MemberClient.connect(gateway.url, { sub, token });
  await client.log.join(roomId);
  await gateway.gateway.publisher.removeMember(roomId, sub);
  await client.removedFrom(roomId);
  await expect(client.log.join(roomId)).rejects.toThrow(removed);
  await gateway.gateway.publisher.addMember(roomId, sub);
  await client.log.join(roomId);
  const event = chatMessage(roomId, 'again');
  await acceptEvents(gateway.url, event, { key: memberKey });
  await client.log.event(({ event_id }) => event_id === event.event_id);
  expect(await signOut(gateway.url, sub)).toEqual({ status: 200, body: { user_id: sub, is_changed: true } });
  await client.ended();
  await expect(MemberClient.connect(gateway.url, { sub, token })).rejects.toThrow('401');
});

describe('the routes', () => {
  test.each([
    ['no key', undefined, 401, 'unauthorized'],
    ['a key without the scope', apiKey, 403, 'forbidden'],
    ['a key of other rooms', 'an-api-key-for-the-rooms-of-a-shop', 403, 'forbidden'],
  ])('a request with %s is refused', async (_, key, status, code) => {
    const sub = randomUUID();
    const url = system().first.url;
    // `undefined` would be replaced by the key of the fixture.
    const answers = await Promise.all([
      removeMember(url, 'room', sub, key ?? ''),
      addMember(url, 'room', sub, key ?? ''),
      signOut(url, sub, key ?? ''),
    ]);
    for (const answer of answers) expect(answer).toMatchObject({ status, body: { code } });
  });

  test('a key of certain rooms may change their members', async () => {
    const answer = await removeMember(
      system().first.url,
      'shop-1',
      randomUUID(),
      'an-api-key-for-the-rooms-of-a-shop',
    );
    expect(answer.status).toBe(200);
  });

  test.each([
    ['a reserved room', '*', 'ana'],
    ['a user with an alias as ID', 'room', 'me'],
    ['a user ID that is too long', 'room', 'x'.repeat(201)],
    ['a room ID that is too long', 'x'.repeat(257), 'ana'],
    ['the personal room of the user', 'user:ana', 'ana'],
  ])('a request for %s is answered with 400', async (_, roomId, userId) => {
    const answer = await removeMember(system().first.url, roomId, userId);
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_parameter' } });
  });

  test('room and user IDs may have any characters', async () => {
    const [roomId, sub] = ['räum {1}/"|%', 'ä/b "c"|{}'];
    await using client = await MemberClient.connect(system().first.url, { sub });
    await client.log.join(roomId);
    await removeMember(system().first.url, roomId, sub);
    await client.removedFrom(roomId);
    await using later = await EventLog.connect((await system().add()).url, {
      token: await signToken({ sub, rooms: ['*'] }),
    });
    await expect(later.join(roomId)).rejects.toThrow(removed);
  });
});
