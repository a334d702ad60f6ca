// The gateway takes this user out of a room.
import { expect, test } from 'vitest';
import { setUp } from './support/fake-gateway.js';

const removal = 'You were removed from this room. You may enter it when you have been added again.';

test('a room that the gateway has left for this user ends, and the application is told', async () => {
  const { client, gateway, errors, events, settle } = setUp();
  const told: string[] = [];
  client.onRemoved((roomId, reason) => told.push(`${roomId}: ${reason}`));
  await client.connect();
  const room = client.join('a');
  await room.joined;
  gateway.connection.event('a', 1);
  gateway.connection.send('removed', { room_id: 'a', reason: 'removed' });
  gateway.connection.event('a', 2);
  await settle();
  expect(told).toEqual(['a: removed']);
  expect(events).toEqual(['a:1']);
  expect([room.status, client.room('a'), client.state]).toEqual(['left', undefined, 'live']);
  expect(errors).toMatchObject([{ code: 'refused', roomId: 'a' }]);
  expect(gateway.connection.log.filter((call) => call.startsWith('LeaveRoom'))).toEqual([]);
});

test('a room that refuses a removed user after a reconnect ends, and the client does not try again', async () => {
  const { client, gateway, clock, errors, reconnect } = setUp();
  const told: string[] = [];
  client.onRemoved((roomId, reason) => told.push(`${roomId}: ${reason}`));
  await client.connect();
  const room = client.join('a');
  await room.joined;
  gateway.isAnswering = false;
  await reconnect();
  gateway.connection.call('JoinRoom', 'user:me').answer({ roomId: 'user:u1', position: 'p0' });
  // The client asks once more without a position, because the gateway may have refused only the position.
  for (const _ of ['with a position', 'without'])
    gateway.connection.calls.find(({ args }) => args[0] === 'a')?.refuse(removal);
  await clock.advance(600_000);
  expect(told).toEqual(['a: removed']);
  expect([room.status, client.state]).toEqual(['left', 'live']);
  expect(errors).toMatchObject([{ code: 'refused', roomId: 'a' }]);
  expect(gateway.connection.log.filter((call) => call.startsWith('JoinRoom a'))).toHaveLength(2);
});

test('a user who was added again can join the room again', async () => {
  const { client, gateway, events, settle } = setUp();
  await client.connect();
  await client.join('a').joined;
  gateway.connection.send('removed', { room_id: 'a', reason: 'token' });
  await settle();
  const again = client.join('a');
  await again.joined;
  gateway.connection.event('a', 3);
  await settle();
  expect([again.status, events]).toEqual(['live', ['a:3']]);
});

test('a removal from a room that the client is not in, or from no room, has no effect', async () => {
  const { client, gateway, errors, settle } = setUp();
  await client.connect();
  for (const argument of [{ room_id: 'elsewhere' }, { room_id: 'user:u1' }, {}, null, 'a'])
    gateway.connection.send('removed', argument);
  await settle();
  expect([client.state, client.personalRoom.status, errors]).toEqual(['live', 'live', []]);
});

test.each(['user:me', '*'])(
  'a standing room %s that refuses a removed user after a reconnect is tried again, and does not keep the client from being live',
  async (roomId) => {
    const { client, gateway, clock, errors, reconnect, settle } = setUp();
    gateway.showsEverybody = true;
    const told: string[] = [];
    client.onRemoved((room, reason) => told.push(`${room}: ${reason}`));
    await client.connect();
    await settle();
    gateway.isAnswering = false;
    await reconnect();
    const { connection } = gateway;
    const other = roomId === '*' ? 'user:me' : '*';
    connection.completeJoin(other, 0);
    // The client asks once more without a position, because the gateway may have refused only the position.
    for (const _ of ['with a position', 'without']) connection.call('JoinRoom', roomId).refuse(removal);
    await settle();
    expect(client.state).toBe('live');
    expect(errors).toMatchObject([{ code: 'refused', roomId }]);
    await clock.advance(60_000);
    connection.completeJoin(roomId, 0);
    expect([client.personalRoom.status, client.everybody.status, told]).toEqual(['live', 'live', []]);
    expect(errors).toHaveLength(1);
  },
);
