// The first load of a room: from the join until the state is handed over.
import { describe, expect, test } from 'vitest';
import { ClientError } from '../../src/index.js';
import { joinAnswer, setUp } from '../support/fake-gateway.js';
import { ManualLoader, setUpLive, setUpLoad } from '../support/manual-loader.js';

describe('the first load', () => {
  test('the loader is called with the position of the room as soon as the room is joined', async () => {
    const { client, gateway, loader, settle, load } = setUpLoad();
    gateway.answerTo = (_method, [roomId]) => joinAnswer(String(roomId), 7);
    expect(load.snapshot).toEqual({ status: 'loading', state: undefined, error: undefined });
    await settle();
    expect(loader.calls).toHaveLength(0);
    await client.connect();
    await settle();
    expect(loader.calls).toHaveLength(1);
    expect(loader.call.context).toMatchObject({ roomId: 'a', position: 'p7' });
    expect(loader.call.context.signal.aborted).toBe(false);
  });

  test('a room that is already live is loaded at once', async () => {
    const { client, gateway, settle } = setUp();
    await client.connect();
    const room = client.join('a');
    await room.joined;
    gateway.connection.event('a', 3);
    const loader = new ManualLoader<number>();
    const load = room.load(loader.load);
    expect(loader.call.context.position).toBe('p3');
    loader.call.resolve(5);
    expect(await load.ready).toBe(5);
    await settle();
    expect(load.snapshot).toEqual({ status: 'live', state: 5, error: undefined });
  });

  test('the state and the events of the time of the load are handed over in one change', async () => {
    const { client, gateway, settle, answer, shown, handed, load } = setUpLoad();
    await client.connect();
    await settle();
    gateway.connection.event('a', 2);
    gateway.connection.event('a', 3);
    expect(handed).toEqual([]);
    await answer(['1']);
    expect(shown).toEqual(['live 1 2 3']);
    expect(handed).toEqual(['state 1', 'event 2', 'event 3']);
    gateway.connection.event('a', 4);
    expect(load.snapshot.state).toEqual(['1', '2', '3', '4']);
    expect(handed.at(-1)).toBe('event 4');
    expect(await load.ready).toEqual(['1', '2', '3']);
  });

  test('events before the call of the loader are not handed over, because the state contains them', async () => {
    const { client, gateway, settle, answer, loader, load, clock } = setUpLoad();
    await client.connect();
    await settle();
    gateway.connection.event('a', 1);
    loader.call.reject(new Error('no database'));
    await settle();
    gateway.connection.event('a', 2);
    await clock.advance(500);
    expect(loader.call.context.position).toBe('p2');
    gateway.connection.event('a', 3);
    await answer(['1', '2']);
    expect(load.snapshot.state).toEqual(['1', '2', '3']);
  });

  test('typing is not handed over', async () => {
    const { gateway, handed, shown } = await setUpLive();
    const payload = { user_id: 'u2', username: 'Bob', is_typing: true };
    gateway.connection.event('a', 2, { type: 'typing_start', payload });
    expect([handed, shown]).toEqual([['state 1'], ['live 1']]);
  });

  test('a snapshot is the same object until something changes', async () => {
    const { gateway, load } = await setUpLive(['1'], { reduce: (state) => state });
    const { getSnapshot } = load;
    const before = getSnapshot();
    expect(getSnapshot()).toBe(before);
    gateway.connection.event('a', 2);
    expect(getSnapshot()).toBe(before);
    expect(Object.isFrozen(before)).toBe(true);
  });

  test('a listener that has unsubscribed is not called any more', async () => {
    const { gateway, load, shown } = await setUpLive();
    const { subscribe } = load;
    const own: string[] = [];
    const unsubscribe = subscribe(() => own.push('change'));
    gateway.connection.event('a', 2);
    unsubscribe();
    gateway.connection.event('a', 3);
    expect([own, shown]).toEqual([['change'], ['live 1', 'live 1 2', 'live 1 2 3']]);
  });
});

describe('failed loads', () => {
  test('a failed load is repeated with growing delays, shown in the snapshot, and reported once', async () => {
    const { client, settle, loader, clock, answer, load, errors, shown } = setUpLoad();
    await client.connect();
    await settle();
    loader.call.reject(new Error('no database'));
    await settle();
    expect(load.snapshot.error).toMatchObject({ code: 'load_failed', roomId: 'a' });
    expect(load.snapshot.error?.message).toBe('Room a was not loaded: no database');
    await clock.advance(499);
    expect(loader.calls).toHaveLength(1);
    await clock.advance(1);
    expect(loader.calls).toHaveLength(2);
    loader.call.reject(new Error('no database'));
    await clock.advance(500);
    await answer(['1']);
    expect(loader.calls).toHaveLength(3);
    expect(load.snapshot).toEqual({ status: 'live', state: ['1'], error: undefined });
    expect(errors.map(({ code }) => code)).toEqual(['load_failed']);
    expect(shown.filter((text) => text.startsWith('live'))).toEqual(['live 1']);
  });

  test('a loader that throws or returns a malformed upTo has failed', async () => {
    const { client, settle, clock } = setUp();
    await client.connect();
    const calls: number[] = [];
    const load = client.join('a').load(
      () => {
        calls.push(calls.length);
        if (calls.length === 1) throw new Error('thrown');
        const upTo = calls.length === 2 ? { time: 'yesterday' } : { sequence: null };
        return Promise.resolve({ state: calls.length, upTo });
      },
      { onEvent: () => {} },
    );
    await settle();
    expect(load.snapshot.error?.message).toContain('thrown');
    await clock.advance(500);
    expect(load.snapshot.error?.message).toContain('upTo has a wrong form: {"time":"yesterday"}');
    await clock.advance(2_000);
    expect(load.snapshot).toMatchObject({ status: 'live', state: 3 });
  });

  test.each([17, '2026-01-16T00:00:00Z', [1], true, { event_id: 'id-1' }])(
    'a loader that returns %j as upTo has failed, because no field of it says what the state contains',
    async (upTo) => {
      const { client, settle, load, loader } = setUpLoad();
      await client.connect();
      await settle();
      // The types exclude such values, but they usually come from a backend.
      loader.call.resolve({ state: ['1'], upTo: upTo as never });
      await settle();
      expect(load.snapshot.error?.message).toContain(`upTo has a wrong form: ${JSON.stringify(upTo)}`);
    },
  );

  test('a loader that does not return in time is aborted and called again', async () => {
    const { client, settle, loader, clock, answer, load } = setUpLoad({ timeoutMs: 4_000 });
    await client.connect();
    await settle();
    const [first] = loader.calls;
    await clock.advance(4_000);
    expect(first?.context.signal.aborted).toBe(true);
    expect(load.snapshot.error?.message).toContain('did not return within 4000 ms');
    first?.resolve(['late']);
    await clock.advance(500);
    expect(loader.calls).toHaveLength(2);
    await answer(['1']);
    expect(load.snapshot.state).toEqual(['1']);
  });
});

describe('options', () => {
  test.each([
    [{ timeoutMs: 0 }, 'timeoutMs must be a positive number, not 0.'],
    [{ whenDown: {} }, 'whenDown must be'],
    [{ whenDown: { pollMs: 5, every: 1 } }, 'every is not one of'],
    [{ retries: 5 }, 'retries is not one of'],
    [{ reduce: 'append' }, 'reduce must be a function, not string'],
  ])('the options %j are refused', (options, message) => {
    const { client } = setUp();
    expect(() => client.join('a').load(async () => 1, options as never)).toThrow(message);
  });

  test('a load needs a function and a joined room', async () => {
    const { client } = setUp();
    const room = client.join('a');
    expect(() => room.load('state' as never)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
    await room.leave();
    expect(() => room.load(async () => 1)).toThrow(ClientError);
    expect(() => room.load(async () => 1)).toThrow(expect.objectContaining({ code: 'closed' }));
  });
});

describe('a state that was loaded before', () => {
  const initial = { state: ['1', '2'], position: 'p2' };

  test('an initial state with the position of the join is continued without a load', async () => {
    const { client, gateway, settle } = setUp();
    const loader = new ManualLoader<readonly string[]>();
    gateway.isAnswering = false;
    const room = client.join('a', { after: 'p2' });
    const load = room.load(loader.load, {
      initial,
      reduce: (state, { position }) => [...state, position.slice(1)],
    });
    expect(load.snapshot).toMatchObject({ status: 'loading', state: ['1', '2'] });
    expect(await load.ready).toEqual(['1', '2']);
    void client.connect();
    await settle();
    gateway.connection.completeJoin('user:me', 0);
    await settle();
    gateway.connection.event('a', 3);
    expect(load.snapshot.state).toEqual(['1', '2']);
    gateway.connection.completeJoin('a', 4);
    await settle();
    expect(load.snapshot).toMatchObject({ status: 'live', state: ['1', '2', '3'] });
    expect(loader.calls).toHaveLength(0);
  });

  test.each([
    ['was joined with another position', 'p1', true],
    ['was joined without a position', undefined, true],
    ['could not be recovered', 'p2', false],
  ])(
    'an initial state is shown until the loader has returned if the room %s',
    async (_, after, recovered) => {
      const { client, gateway, settle, clock } = setUp();
      gateway.answerTo = (_method, [id]) => ({ ...joinAnswer(String(id), 9), recovered });
      const loader = new ManualLoader<readonly string[]>();
      const load = client.join('a', after === undefined ? {} : { after }).load(loader.load, { initial });
      await client.connect();
      await settle();
      expect(load.snapshot).toMatchObject({ status: 'loading', state: ['1', '2'] });
      await clock.advance(1_000);
      loader.call.resolve(['1', '2', '3']);
      await settle();
      expect(load.snapshot).toMatchObject({ status: 'live', state: ['1', '2', '3'] });
    },
  );
});
