// States that say which events they contain. These events are not handed over, and all other events are.
import { describe, expect, test } from 'vitest';
import type { UpTo } from '../../src/index.js';
import type { FakeConnection } from '../support/fake-gateway.js';
import { type LoadSetup, setUpLive, setUpLoad, textOf } from '../support/manual-loader.js';

/** Starts the first load, lets these events arrive, and answers the load. Returns the setup. */
async function loadDuring(
  events: readonly [position: number, more?: Parameters<FakeConnection['event']>[2]][],
  upTo: UpTo | null,
): Promise<LoadSetup> {
  const setup = setUpLoad();
  await setup.client.connect();
  await setup.settle();
  for (const [position, more] of events) setup.gateway.connection.event('a', position, more);
  await setup.answer({ state: ['0'], upTo });
  return setup;
}

const numbered = (sequence: number) => ({ payload: { sequence_number: sequence } });
const status = { type: 'status_change' };

describe('by sequence number', () => {
  test('events up to the number are left out, in any order and also later', async () => {
    const { load, gateway } = await loadDuring(
      [
        [1, numbered(5)],
        [2, numbered(4)],
        [3, numbered(6)],
      ],
      { sequence: 5 },
    );
    expect(textOf(load.snapshot)).toBe('live 0 3');
    gateway.connection.event('a', 4, numbered(3));
    gateway.connection.event('a', 5, numbered(7));
    expect(textOf(load.snapshot)).toBe('live 0 3 5');
  });

  test('events without a number are handed over', async () => {
    const { load } = await loadDuring([[1, status]], { sequence: 5 });
    expect(textOf(load.snapshot)).toBe('live 0 1');
  });

  test('an application can define the sequence number of an event', async () => {
    const setup = setUpLoad({ sequenceOf: ({ position }) => Number(position.slice(1)) });
    await setup.client.connect();
    await setup.settle();
    for (const position of [1, 2, 3]) setup.gateway.connection.event('a', position, numbered(100));
    await setup.answer({ state: ['2'], upTo: { sequence: 2 } });
    expect(textOf(setup.load.snapshot)).toBe('live 2 3');
  });

  test('the next load replaces the sequence number of the state', async () => {
    const { load, gateway, answer } = await loadDuring([], { sequence: 5 });
    load.reload();
    gateway.connection.event('a', 1, numbered(5));
    await answer(['4']);
    expect(textOf(load.snapshot)).toBe('live 4 1');
  });
});

describe('by time', () => {
  test.each([
    ['2026-01-16T10:00:00.000001Z', '2026-01-16T10:00:00.000001Z', true],
    ['2026-01-16T10:00:00.000002Z', '2026-01-16T10:00:00.000001Z', false],
    ['2026-01-16T10:00:00Z', '2026-01-16T12:00:00+02:00', true],
    ['2026-01-16T10:00:00.1Z', '2026-01-16T12:00:00+0200', false],
    ['2026-01-16T10:00:00.5Z', '2026-01-16 10:00:00.50', true],
    ['2026-01-16T10:00:00.5Z', '2026-01-16 10:00:00.49+00', false],
    ['2026-01-16T10:00:00.123Z', Date.UTC(2026, 0, 16, 10, 0, 0, 123), true],
    ['2026-01-16T10:00:00.1231Z', Date.UTC(2026, 0, 16, 10, 0, 0, 123), false],
    ['1969-12-31T23:59:59.5Z', -500, true],
    ['1969-12-31T23:59:59.6Z', -500, false],
  ])('an event of %s is in a state of %s: %s', async (timestamp, time, isContained) => {
    const { load } = await loadDuring([[1, { timestamp }]], { time });
    expect(textOf(load.snapshot)).toBe(isContained ? 'live 0' : 'live 0 1');
  });
});

describe('by event ID', () => {
  test('an event is left out only if it is the named event or an earlier one of its type', async () => {
    const { load } = await loadDuring([[1], [2, status], [3], [4]], { eventId: 'ID-3' });
    expect(textOf(load.snapshot)).toBe('live 0 2 4');
  });

  test('a list names the newest event of each type', async () => {
    const { load } = await loadDuring([[1], [2, status], [3], [4], [5, status]], {
      eventId: ['id-3', 'id-2'],
    });
    expect(textOf(load.snapshot)).toBe('live 0 4 5');
  });

  test('a named event that was already received delays nothing', async () => {
    const { gateway, load, answer } = await setUpLive(['1']);
    gateway.connection.event('a', 2);
    load.reload();
    gateway.connection.event('a', 3);
    await answer({ state: ['1', '2'], upTo: { eventId: 'id-2' } });
    expect(textOf(load.snapshot)).toBe('live 1 2 3');
  });

  test('a state that is ahead of the room is shown while events wait for the named one', async () => {
    const { gateway, load, handed } = await loadDuring([[1]], { eventId: 'id-3' });
    expect(textOf(load.snapshot)).toBe('loading 0');
    gateway.connection.event('a', 2);
    expect(textOf(load.snapshot)).toBe('loading 0');
    gateway.connection.event('a', 3);
    expect(textOf(load.snapshot)).toBe('live 0');
    gateway.connection.event('a', 4);
    expect([textOf(load.snapshot), handed]).toEqual(['live 0 4', ['state 0', 'event 4']]);
  });

  test('a named event that is missing for 2 s ends the wait and is left out if it comes later', async () => {
    const { gateway, load, clock, reconnect } = await loadDuring([[1]], { eventId: 'id-9' });
    await clock.advance(1_999);
    expect(textOf(load.snapshot)).toBe('loading 0');
    await clock.advance(1);
    expect(textOf(load.snapshot)).toBe('live 0 1');
    gateway.connection.event('a', 2);
    await reconnect();
    expect(textOf(load.snapshot)).toBe('live 0 1 2');
    gateway.connection.event('a', 9);
    expect(textOf(load.snapshot)).toBe('live 0 1 2');
  });

  test('a connection that is lost during the wait neither loses nor repeats an event', async () => {
    const { gateway, load, clock } = await loadDuring([[1]], { eventId: 'id-3' });
    await clock.advance(1_000);
    gateway.isAnswering = false;
    gateway.connection.close();
    expect(textOf(load.snapshot)).toBe('disconnected 0');
    await clock.advance(3_000);
    gateway.connection.completeJoin('user:me', 4);
    gateway.connection.event('a', 2);
    gateway.connection.completeJoin('a', 2);
    expect(textOf(load.snapshot)).toBe('loading 0');
    gateway.connection.event('a', 3);
    gateway.connection.event('a', 4);
    expect(textOf(load.snapshot)).toBe('live 0 4');
  });

  test('a resync during the wait loads again', async () => {
    const { gateway, load, clock, answer } = await loadDuring([[1]], { eventId: 'id-3' });
    gateway.connection.send('resync', { room_id: 'a', reason: 'gap' });
    await clock.advance(1_000);
    await answer(['0', '1', '2', '3']);
    expect(textOf(load.snapshot)).toBe('live 0 1 2 3');
  });
});

test('forms can be combined, and a form that is null says nothing', async () => {
  const { load } = await loadDuring([[1, numbered(5)], [2, status], [3]], {
    sequence: 5,
    eventId: 'id-2',
    time: null,
  });
  expect(textOf(load.snapshot)).toBe('live 0 3');
  const { load: other } = await loadDuring([[1, numbered(5)]], null);
  expect(textOf(other.snapshot)).toBe('live 0 1');
});

test('a sequenceOf that fails is reported, and its events count as events without a number', async () => {
  const setup = setUpLoad({
    sequenceOf: ({ payload }) => (payload as { order?: { number: number } }).order?.number ?? fail(),
  });
  const later = setup.client.join('a').load(async () => ['0'], {
    reduce: (state, { position }) => [...state, position.slice(1)],
  });
  await setup.client.connect();
  await setup.settle();
  setup.gateway.connection.event('a', 1, { payload: { order: { number: 1 } } });
  setup.gateway.connection.event('a', 2, status);
  await setup.answer({ state: ['1'], upTo: { sequence: 1 } });
  expect(textOf(setup.load.snapshot)).toBe('live 1 2');
  setup.gateway.connection.event('a', 3, status);
  expect([textOf(setup.load.snapshot), textOf(later.snapshot)]).toEqual(['live 1 2 3', 'live 0 1 2 3']);
  expect(setup.events).toEqual(['a:1', 'a:2', 'a:3']);
  expect(setup.errors.map(({ code, message, roomId }) => `${roomId} ${code}: ${message}`)).toEqual([
    'a handler_failed: sequenceOf failed for status_change: no number',
    'a handler_failed: sequenceOf failed for status_change: no number',
  ]);
});

function fail(): never {
  throw new Error('no number');
}
