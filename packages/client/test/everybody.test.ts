// The room `*`, in which every client always is.
import { expect, test } from 'vitest';
import { setUp } from './support/fake-gateway.js';

test('a client joins the room of everybody by itself, and its handlers get the broadcasts', async () => {
  const { client, gateway, events, settle } = setUp();
  gateway.showsEverybody = true;
  gateway.isAnswering = false;
  const own: string[] = [];
  client.everybody.on('notification', ({ position }) => void own.push(position));
  void client.connect();
  await settle();
  expect(gateway.connection.log).toEqual(['JoinRoom user:me', 'JoinRoom *']);
  gateway.connection.event('*', 3, { type: 'notification' }); // before the answer to the join
  gateway.connection.completeJoin('*', 3);
  gateway.connection.event('*', 4, { type: 'notification' });
  expect([events, own]).toEqual([
    ['*:3', '*:4'],
    ['p3', 'p4'],
  ]);
  expect(client.join('*')).toBe(client.everybody);
  expect(client.room('*')).toBe(client.everybody);
});

test('the room of everybody is resumed after every reconnect, and a loss in it is reported', async () => {
  const { client, gateway, events, resyncs, settle, reconnect } = setUp();
  gateway.showsEverybody = true;
  await client.connect();
  await settle();
  gateway.connection.event('*', 7);
  gateway.isAnswering = false;
  await reconnect();
  const { connection } = gateway;
  expect(connection.log).toEqual(['JoinRoom user:me p7', 'JoinRoom * p7']);
  connection.event('*', 9); // The connection is in the room from the start, so it gets this new event.
  connection.event('*', 8); // The replay begins with this event.
  connection.event('*', 9);
  connection.completeJoin('*', 9, { replayed: 2 });
  connection.completeJoin('user:me', 8);
  connection.event('*', 10);
  expect(events).toEqual(['*:7', '*:8', '*:9', '*:10']);
  gateway.isAnswering = false;
  await reconnect();
  gateway.connection.completeJoin('*', 12, { recovered: false });
  expect(resyncs).toEqual(['*: not_recovered']);
});

test('the room of everybody cannot be left, and stays when the gateway closes it', async () => {
  const { client, gateway, errors, settle } = setUp();
  await client.connect();
  await settle();
  await expect(client.leave('*')).rejects.toMatchObject({ code: 'invalid_argument' });
  gateway.connection.send('removed', { room_id: '*', reason: 'token' });
  expect([client.everybody.status, errors]).toEqual(['live', []]);
  await client.close();
  await client.connect();
  await settle();
  expect(client.everybody.status).toBe('live');
});

test('a gateway of an earlier build may refuse the room of everybody, which is not an error', async () => {
  const { client, gateway, clock, errors, reconnect } = setUp();
  gateway.showsEverybody = true;
  await client.connect();
  await clock.advance(0);
  gateway.connection.event('*', 5);
  gateway.isAnswering = false;
  await reconnect();
  gateway.connection.completeJoin('user:me', 5);
  gateway.connection.call('JoinRoom', '*').refuse('The room ID must be …, and not reserved.');
  gateway.connection.call('JoinRoom', '*').refuse('The room ID must be …, and not reserved.');
  await clock.advance(60_000);
  expect([client.state, errors, gateway.connection.calls]).toEqual(['live', [], []]);
  await reconnect();
  expect(gateway.connection.log).toEqual(['JoinRoom user:me p5', 'JoinRoom * p5']);
});

test('a room of everybody that a gateway refuses for another reason is reported and tried again', async () => {
  const { client, gateway, clock, errors, reconnect } = setUp();
  gateway.showsEverybody = true;
  await client.connect();
  await clock.advance(0);
  gateway.isAnswering = false;
  await reconnect();
  gateway.connection.completeJoin('user:me', 5);
  const error = "An unexpected error occurred invoking 'JoinRoom' on the server.";
  gateway.connection.call('JoinRoom', '*').refuse(error);
  gateway.connection.call('JoinRoom', '*').refuse(error);
  await clock.advance(60_000);
  expect(errors).toHaveLength(1);
  expect(gateway.connection.log.filter((call) => call.startsWith('JoinRoom *')).length).toBeGreaterThan(2);
});

test('a client becomes live although a room that it joined with a position is refused', async () => {
  const { client, gateway, settle } = setUp();
  gateway.isAnswering = false;
  client.join('a', { after: 'p3' });
  void client.connect();
  await settle();
  gateway.connection.completeJoin('user:me', 0);
  for (const _ of ['with the position', 'without']) gateway.connection.call('JoinRoom', 'a').refuse('no');
  await settle();
  expect([client.state, client.room('a')]).toEqual(['live', undefined]);
});
