// Erased events: the application is told, and an event that is held when its erasure arrives is not delivered.
import { expect, test } from 'vitest';
import { setUp } from './support/fake-gateway.js';
import { setUpLive } from './support/manual-loader.js';

const erased = (roomId: string, eventId: string, position: string) => ({
  event_id: eventId,
  room_id: roomId,
  position,
});

test('the handlers of the room and of the client are called for an erased event, and its position is kept', async () => {
  const { client, gateway, errors } = setUp();
  const told: string[] = [];
  client.onErased((roomId, eventId) => told.push(`${roomId} ${eventId}`));
  const room = client.join('a');
  const stop = room.onErased((eventId) => told.push(eventId));
  await client.connect();
  await room.joined;
  gateway.connection.event('a', 1);
  gateway.connection.send('event_erased', erased('a', 'id-1', 'p2'));
  expect(told).toEqual(['id-1', 'a id-1']);
  expect(room.position).toBe('p2');
  stop();
  gateway.connection.send('event_erased', erased('a', 'id-0', 'p3'));
  gateway.connection.send('event_erased', erased('elsewhere', 'id-0', 'p4'));
  gateway.connection.send('event_erased', { room_id: 'a' });
  expect(told).toEqual(['id-1', 'a id-1', 'a id-0']);
  expect(errors).toEqual([]);
});

test('an event that is held when its erasure arrives is not delivered, and neither is a later repeat', async () => {
  const { client, gateway, clock, events } = setUp();
  await client.connect();
  await clock.advance(0);
  gateway.connection.event('user:u1', 1);
  gateway.isAnswering = false;
  gateway.connection.close();
  await clock.advance(500);
  const { connection } = gateway;
  connection.event('user:u1', 2);
  connection.event('user:u1', 3);
  connection.send('event_erased', erased('user:u1', 'id-2', 'p4'));
  connection.completeJoin('user:me', 4);
  connection.event('user:u1', 2);
  expect(events).toEqual(['user:u1:1', 'user:u1:3']);
});

test('an erased event that a load holds is not handed over, and the room is loaded again', async () => {
  const { gateway, load, loader, handed, answer, clock } = await setUpLive();
  load.reload();
  gateway.connection.event('a', 2);
  gateway.connection.event('a', 3);
  gateway.connection.send('event_erased', erased('a', 'id-2', 'p4'));
  await answer(['1']);
  expect(handed).not.toContain('event 2');
  const calls = loader.calls.length;
  await clock.advance(2_000);
  expect(loader.calls).toHaveLength(calls + 1);
  await answer(['1', '3']);
  expect(load.snapshot).toMatchObject({ status: 'live', state: ['1', '3'] });
});

test('a live load loads again when an event is erased, because its state may contain the event', async () => {
  const { gateway, load, loader, answer, clock } = await setUpLive(['1']);
  gateway.connection.send('event_erased', erased('a', 'id-1', 'p2'));
  const calls = loader.calls.length;
  await clock.advance(2_000);
  expect(loader.calls).toHaveLength(calls + 1);
  await answer([]);
  expect(load.snapshot).toMatchObject({ status: 'live', state: [] });
});
