// Events that arrive more than once are handled once.
import { expect, test } from 'vitest';
import { setUp } from './support/fake-gateway.js';

test('a repeated event is dropped and counted, even between events whose IDs differ only in case', async () => {
  const { client, gateway, events } = setUp();
  await client.connect();
  await client.join('a').joined;
  const event = {
    event_id: 'AAAA',
    event_type: 'chat_message',
    timestamp: '',
    room_id: 'a',
    payload: {},
    position: 'p1',
  };
  gateway.connection.send('chat_message', event);
  gateway.connection.send('chat_message', event);
  gateway.connection.send('chat_message', { ...event, event_id: 'aaaa', position: 'p2' });
  gateway.connection.send('chat_message', { ...event, position: 'p3' });
  expect(events).toEqual(['a:1', 'a:2']);
  expect(client.counts).toEqual({ delivered: 2, repeated: 2, ignored: 0 });
  expect(client.room('a')?.position, 'a repeat moves on all the same').toBe('p3');
});

test('an event that a replay sends again is dropped', async () => {
  const { client, gateway, events, clock } = setUp();
  await client.connect();
  await client.join('a').joined;
  gateway.connection.event('a', 1);
  gateway.connection.event('a', 2);
  gateway.isAnswering = false;
  gateway.connection.close();
  await clock.advance(500);
  for (const position of [1, 2, 3]) gateway.connection.event('a', position);
  gateway.connection.completeJoin('a', 3);
  expect(events).toEqual(['a:1', 'a:2', 'a:3']);
});

test.each([
  ['null', null],
  ['a string', 'hello'],
  ['no id', { event_type: 'chat_message', room_id: 'a', payload: {}, position: 'p1' }],
  ['no room', { event_id: 'x', event_type: 'chat_message', payload: {}, position: 'p1' }],
  ['no payload', { event_id: 'x', event_type: 't', room_id: 'a', position: 'p1' }],
  ['no position', { event_id: 'x', event_type: 't', room_id: 'a', payload: {} }],
])('a message that is not an event (%s) is reported, and reaches no handler', async (_name, argument) => {
  const { client, gateway, events, errors } = setUp();
  await client.connect();
  await client.join('a').joined;
  gateway.connection.send('chat_message', argument);
  expect(events).toEqual([]);
  expect(errors.map(({ code }) => code)).toEqual(['bad_message']);
});

test.each([7, 'text', null, [], false])('a payload may be of any JSON type: %j', async (payload) => {
  const { client, gateway, events, errors } = setUp();
  await client.connect();
  await client.join('a').joined;
  gateway.connection.send('chat_message', {
    event_id: 'x',
    event_type: 'chat_message',
    room_id: 'a',
    payload,
    position: 'p1',
  });
  expect([events.length, errors]).toEqual([1, []]);
});
