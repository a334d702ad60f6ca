// The end of a load: by the application, with its room, or with its client. Also handlers that throw or that end the load.
import { expect, test } from 'vitest';
import { setUp } from '../support/fake-gateway.js';
import { setUpLive, setUpLoad, textOf } from '../support/manual-loader.js';

test('close() aborts the loader, ignores its result, and leaves the room joined', async () => {
  const { client, gateway, settle, loader, load, answer, handed, clock } = setUpLoad();
  await client.connect();
  await settle();
  load.close();
  load.close();
  expect(loader.call.context.signal.aborted).toBe(true);
  await answer(['1']);
  gateway.connection.event('a', 2);
  expect(load.snapshot).toEqual({ status: 'closed', state: undefined, error: undefined });
  await expect(load.ready).rejects.toMatchObject({ code: 'closed' });
  expect(handed).toEqual([]);
  expect(client.room('a')?.status).toBe('live');
  await client.close();
  expect(clock.timerCount).toBe(0);
});

test('a room that is left ends its loads but keeps their last state', async () => {
  const { client, settle, loader, load, shown, gateway } = await setUpLive();
  load.reload();
  const second = client.join('a').load(async () => 5);
  await settle();
  await client.leave('a');
  expect(loader.call.context.signal.aborted).toBe(true);
  expect(shown.at(-1)).toBe('closed 1');
  expect(second.snapshot).toEqual({ status: 'closed', state: 5, error: undefined });
  gateway.connection.event('a', 2);
  expect(textOf(load.snapshot)).toBe('closed 1');
});

test('a room that the gateway refuses ends its load with the reason', async () => {
  const { client, gateway, load, settle, loader } = setUpLoad();
  gateway.isAnswering = false;
  void client.connect();
  await settle();
  gateway.connection.call('JoinRoom', 'a').refuse('You may not enter this room.');
  expect(load.snapshot).toMatchObject({ status: 'closed', error: { code: 'refused' } });
  await expect(load.ready).rejects.toMatchObject({ code: 'refused' });
  expect(loader.calls).toHaveLength(0);
});

test('a client that is closed aborts the loader, and loads when it connects again', async () => {
  const { client, settle, loader, load, answer, clock } = setUpLoad();
  await client.connect();
  await settle();
  await client.close();
  expect(loader.call.context.signal.aborted).toBe(true);
  expect(clock.timerCount).toBe(0);
  expect(textOf(load.snapshot)).toBe('disconnected –');
  await client.connect();
  await clock.advance(1_000);
  expect(loader.calls).toHaveLength(2);
  await answer(['1']);
  expect(textOf(load.snapshot)).toBe('live 1');
});

test('a live load of a client that was closed gets what it missed without a load after a new connect', async () => {
  const { client, gateway, settle, loader, load } = await setUpLive();
  await client.close();
  expect(textOf(load.snapshot)).toBe('disconnected 1');
  gateway.isAnswering = false;
  void client.connect();
  await settle();
  gateway.connection.completeJoin('user:me', 3);
  gateway.connection.event('a', 2);
  gateway.connection.completeJoin('a', 3);
  expect(textOf(load.snapshot)).toBe('live 1 2');
  expect(loader.calls).toHaveLength(1);
});

test('a handler that closes the load gets no further event', async () => {
  const handed: string[] = [];
  const setup = setUpLoad({
    onEvent: ({ position }) => {
      handed.push(position);
      setup.load.close();
    },
  });
  await setup.client.connect();
  await setup.settle();
  for (const position of [2, 3]) setup.gateway.connection.event('a', position);
  await setup.answer(['1']);
  expect(handed).toEqual(['p2']);
  expect(setup.load.snapshot.status).toBe('closed');
});

test('handlers and reducers that fail are reported and stop nothing', async () => {
  const { gateway, errors, load, handed } = await setUpLive(['1'], {
    onState: () => {
      throw new Error('no screen');
    },
    reduce: (state, { position }) => {
      if (position === 'p2') throw new Error('no rule');
      return [...state, position.slice(1)];
    },
  });
  load.subscribe(() => {
    throw new Error('no listener');
  });
  gateway.connection.event('a', 2);
  gateway.connection.event('a', 3);
  expect(load.snapshot.state).toEqual(['1', '3']);
  expect(handed).toEqual(['event 2', 'event 3']);
  expect(errors.map(({ code, message }) => `${code}: ${message}`)).toEqual([
    'handler_failed: A handler failed: no screen',
    'handler_failed: reduce failed for chat_message: no rule',
    'handler_failed: A handler failed: no listener',
  ]);
});

test('two loads of one room are independent', async () => {
  const { client, gateway, load, settle } = await setUpLive();
  const count = client.join('a').load(async () => 10, { reduce: (state) => state + 1 });
  await settle();
  gateway.connection.event('a', 2);
  expect([count.snapshot.state, load.snapshot.state]).toEqual([11, ['1', '2']]);
  load.close();
  gateway.connection.event('a', 3);
  expect([count.snapshot.state, textOf(load.snapshot)]).toEqual([12, 'closed 1 2']);
});

test('a listener that closes the client when the connection is lost leaves it closed, and it can connect again', async () => {
  const { client, gateway, load, clock } = await setUpLive();
  client.join('b');
  await clock.advance(5_000);
  const stop = load.subscribe(() => void client.close());
  gateway.connection.close();
  expect(client.state).toBe('closed');
  stop();
  await clock.advance(60_000);
  expect(gateway.connections).toHaveLength(1);
  await client.connect();
  expect([client.state, gateway.connections.length]).toEqual(['live', 2]);
});

test('a listener that joins a room again when the client is closed does not keep close() from returning', async () => {
  const { client, settle } = setUp();
  let joins = 0;
  const show = (): void => {
    joins += 1;
    if (joins > 100) throw new Error('close() ends each new room, too');
    const load = client.join('a').load(async () => []);
    load.subscribe(() => load.snapshot.status === 'closed' && show());
  };
  show();
  await client.close();
  expect(joins).toBe(2);
  await client.connect();
  await settle();
  expect(client.room('a')?.status).toBe('live');
});
