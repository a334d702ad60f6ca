// The order in which handlers are called, and handlers that fail.
import { expect, test, vi } from 'vitest';
import { createClient } from '../src/index.js';
import { FakeGateway, setUp } from './support/fake-gateway.js';

test('a room’s handlers are called before the client’s, and type handlers before general handlers', async () => {
  const { client, gateway } = setUp();
  const calls: string[] = [];
  client.onAny(({ event_type }) => void calls.push(`client any ${event_type}`));
  client.on('chat_message', ({ payload }) => void calls.push(`client ${payload.content}`));
  const room = client.join('a');
  room.onAny(() => void calls.push('room any'));
  room.on('chat_message', () => void calls.push('room'));
  room.on('notification', () => void calls.push('never'));
  client.join('b').onAny(() => void calls.push('never'));
  await client.connect();
  await room.joined;
  gateway.connection.event('a', 1);
  expect(calls).toEqual(['room', 'room any', 'client 1', 'client any chat_message']);
});

test('an event of a type that is not in the built-in catalog reaches its handler', async () => {
  const gateway = new FakeGateway();
  const client = createClient<{ order_placed: { id: string } }>({
    url: 'http://gateway.test',
    createConnection: gateway.createConnection,
  });
  const orders: string[] = [];
  await client.connect();
  await client.join('shop').joined;
  client.on('order_placed', ({ payload }) => void orders.push(payload.id));
  gateway.connection.event('shop', 1, { type: 'order_placed', payload: { id: 'o-1' } });
  expect(orders).toEqual(['o-1']);
  await client.close();
});

test('a handler gets only events that arrive between its registration and its removal', async () => {
  const { client, gateway } = setUp();
  await client.connect();
  await client.join('a').joined;
  gateway.connection.event('a', 1);
  const got: string[] = [];
  const stop = client.on('chat_message', ({ position }) => void got.push(position));
  gateway.connection.event('a', 2);
  stop();
  stop();
  gateway.connection.event('a', 3);
  expect(got).toEqual(['p2']);
});

test('a handler that throws or rejects is reported, and does not stop other handlers', async () => {
  const { client, gateway, errors, events, settle } = setUp();
  await client.connect();
  await client.join('a').joined;
  client.room('a')?.on('chat_message', () => {
    throw new Error('broken');
  });
  client.on('chat_message', async () => {
    throw new TypeError('rejected');
  });
  const got: string[] = [];
  client.on('chat_message', ({ position }) => void got.push(position));
  gateway.connection.event('a', 1);
  gateway.connection.event('a', 2);
  await settle();
  expect(got).toEqual(['p1', 'p2']);
  expect(events).toHaveLength(2);
  expect(errors).toHaveLength(4);
  expect(errors[0]).toMatchObject({ code: 'handler_failed', cause: { message: 'broken' } });
});

test('an error in any kind of handler is reported, and the client stays live', async () => {
  const { client, gateway, errors, reconnect } = setUp();
  const fail = (): never => {
    throw new Error('broken');
  };
  client.onStateChange(fail);
  client.onJoin(fail);
  client.onResync(fail);
  client.onTypingChange(fail);
  client.join('a').onResync(fail);
  client.join('a').onTypingChange(fail);
  await client.connect();
  await client.join('a').joined;
  gateway.connection.send('resync', { room_id: 'a', reason: 'gap' });
  gateway.connection.event('a', 1, { type: 'typing_start', payload: { user_id: 'x', username: 'X' } });
  await reconnect();
  expect(client.state).toBe('live');
  expect(errors.every(({ code }) => code === 'handler_failed')).toBe(true);
  expect(errors.length).toBeGreaterThan(8);
});

test('a handler may add and remove handlers while it is called', async () => {
  const { client, gateway } = setUp();
  await client.connect();
  await client.join('a').joined;
  const got: string[] = [];
  client.on('chat_message', () => {
    stopSecond();
    client.on('chat_message', () => void got.push('added'));
  });
  const stopSecond = client.on('chat_message', () => void got.push('second'));
  client.on('chat_message', () => void got.push('third'));
  gateway.connection.event('a', 1);
  expect(got).toEqual(['third']);
});

test('a function that was registered twice is called twice, and each registration is removed separately', async () => {
  const { client, gateway } = setUp();
  await client.connect();
  await client.join('a').joined;
  const handler = vi.fn();
  const stop = client.on('chat_message', handler);
  client.on('chat_message', handler);
  gateway.connection.event('a', 1);
  stop();
  gateway.connection.event('a', 2);
  expect(handler).toHaveBeenCalledTimes(3);
});

test('a client writes errors to the console if there is no onError handler, or if that handler fails', async () => {
  const toConsole = vi.spyOn(console, 'error').mockImplementation(() => {});
  const gateway = new FakeGateway();
  const client = createClient({ url: 'http://gateway.test', createConnection: gateway.createConnection });
  client.onStateChange(() => {
    throw new Error('first');
  });
  await client.connect();
  expect(toConsole).toHaveBeenCalledWith(expect.objectContaining({ code: 'handler_failed' }));
  toConsole.mockClear();
  client.onError(() => {
    throw new Error('second');
  });
  await client.close();
  expect(toConsole.mock.calls.map(([error]) => (error as Error).message)).toEqual([
    'A handler failed: second',
  ]);
  toConsole.mockRestore();
});

test('a handler that is not a function is refused', () => {
  const { client } = setUp();
  expect(() => client.on('chat_message', undefined as never)).toThrow(
    expect.objectContaining({ code: 'invalid_argument' }),
  );
});
