// The room `user:me`, in which the gateway puts every connection from the start. The client must deliver its events in the
// right order.
import { expect, test } from 'vitest';
import { setUp } from './support/fake-gateway.js';

test('the client learns its user ID from the join of the personal room, and both IDs of the room work', async () => {
  const { client, settle } = setUp();
  expect(client.userId).toBeUndefined();
  await client.connect();
  await settle();
  expect(client.userId).toBe('u1');
  expect(client.join('user:me')).toBe(client.personalRoom);
  expect(client.join('user:u1')).toBe(client.personalRoom);
  expect(client.personalRoom.status).toBe('live');
});

test('events of the personal room are delivered even before the user ID is known', async () => {
  const { client, gateway, events } = setUp();
  gateway.isAnswering = false;
  const own: string[] = [];
  client.personalRoom.onAny((event) => void own.push(event.position));
  await client.connect();
  gateway.connection.event('user:u1', 3, { type: 'notification' });
  expect(events).toEqual(['user:u1:3']);
  expect(own).toEqual(['p3']);
});

test('a new event that arrives before missed events is held, and is delivered after them', async () => {
  const { client, gateway, clock, events } = setUp();
  await client.connect();
  await clock.advance(0);
  gateway.connection.event('user:u1', 1);
  gateway.isAnswering = false;
  gateway.connection.close();
  await clock.advance(500);
  const { connection } = gateway;
  connection.event('user:u1', 4); // The connection is in the room from the start, so it gets this new event.
  connection.event('user:u1', 2); // The replay begins with this event.
  connection.event('user:u1', 3);
  connection.event('user:u1', 4);
  expect(events).toEqual(['user:u1:1']);
  connection.completeJoin('user:me', 4);
  expect(events).toEqual([1, 2, 3, 4].map((n) => `user:u1:${n}`));
  connection.event('user:u1', 5);
  expect(events.at(-1)).toBe('user:u1:5');
  expect(client.counts).toEqual({ delivered: 5, repeated: 0, ignored: 0 });
});

test('an event that is held when the connection breaks is not lost, because it is replayed', async () => {
  const { client, gateway, clock, events } = setUp();
  await client.connect();
  await clock.advance(0);
  gateway.isAnswering = false;
  gateway.connection.close();
  await clock.advance(500);
  gateway.connection.event('user:u1', 2);
  gateway.connection.close();
  await clock.advance(1_000);
  expect(gateway.connection.log).toEqual(['JoinRoom user:me p0']);
  gateway.connection.event('user:u1', 1);
  gateway.connection.event('user:u1', 2);
  gateway.connection.completeJoin('user:me', 2);
  expect(events).toEqual(['user:u1:1', 'user:u1:2']);
});

test('the number of held events is limited, and further events are delivered in the order of arrival', async () => {
  const { client, gateway, clock, events } = setUp({ maxHeldEvents: 2 });
  await client.connect();
  await clock.advance(0);
  gateway.isAnswering = false;
  gateway.connection.close();
  await clock.advance(500);
  for (const position of [1, 2, 3, 4]) gateway.connection.event('user:u1', position);
  expect(events).toEqual([1, 2, 3, 4].map((n) => `user:u1:${n}`));
});

test('a handler that closes the client stops the delivery of held events', async () => {
  const { client, gateway, clock, events } = setUp();
  await client.connect();
  await clock.advance(0);
  gateway.isAnswering = false;
  gateway.connection.close();
  await clock.advance(500);
  client.on('chat_message', () => void client.close());
  gateway.connection.event('user:u1', 1);
  gateway.connection.completeJoin('user:me', 1);
  expect(events).toEqual(['user:u1:1']);
  expect(client.state).toBe('closed');
  expect(client.personalRoom.position).toBe('p0');
});

test('a room that turns out to be the personal room ends with an error that names the remedy', async () => {
  const { client, gateway, errors, settle } = setUp();
  const twin = client.join('user:u1');
  await client.connect();
  await settle();
  await expect(twin.joined).rejects.toMatchObject({ code: 'invalid_argument', roomId: 'user:u1' });
  expect(errors.map(({ message }) => message)).toEqual(['Room user:u1 is user:me: join user:me.']);
  expect(gateway.connection.log.filter((call) => call.startsWith('LeaveRoom'))).toEqual([]);
  expect(client.join('user:u1')).toBe(client.personalRoom);
  expect(client.state).toBe('live');
});
