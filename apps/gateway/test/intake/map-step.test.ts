// The function of a rule does the rest, and cannot harm more than its own entry.
import { expect, test, vi } from 'vitest';
import type { IntakeRule, MappedEvent } from '../../src/intake/rule.js';
import { entryId, stream, take } from './take.js';

const entry = { event_type: 'a', room_id: 'r', payload: '{"n": 9007199254740993}', extra: 'x' };

test('map gets the event after the declared steps and the entry as it was written', () => {
  const map = vi.fn<NonNullable<IntakeRule['map']>>(() => ({}));
  take(
    { rename: { n: 'm' }, fields: { event_type: { values: { a: 'b' } } }, map },
    { ...entry, payload: '{"n":1}', metadata: '{}' },
  );
  const [event, seen] = map.mock.calls[0] ?? [];
  expect(event).toEqual({
    event_id: expect.any(String) as string,
    event_type: 'b',
    timestamp: '2026-01-16T10:00:00.123Z',
    room_id: 'r',
    payload: { m: 1 },
    metadata: {},
  });
  expect(seen).toEqual({ stream, id: entryId, fields: { ...entry, payload: '{"n":1}', metadata: '{}' } });
});

test('the parts that map returns replace those of the event, and the others keep their text', () => {
  expect(
    take({ map: () => ({ event_type: 'c', timestamp: '2026-01-16T10:00:00+00:00Z' }) }, entry),
  ).toMatchObject({
    event_type: 'c',
    timestamp: '2026-01-16T10:00:00+00:00',
    room_id: 'r',
    payload: '{"n": 9007199254740993}',
  });
  const withMore = take(
    { map: ({ room_id }) => ({ payload: { room_id }, metadata: { trace_id: 't' } }) },
    entry,
  );
  expect(withMore).toMatchObject({ payload: '{"room_id":"r"}', metadata: '{"trace_id":"t"}' });
});

test('an entry for which map returns null is not an event', () => {
  expect(take({ map: ({ event_type }) => (event_type === 'a' ? null : {}) }, entry)).toBe('skipped');
});

test('the function map runs without a payload', () => {
  const map = ({ payload }: MappedEvent) => ({ payload: { had: payload !== undefined } });
  expect(take({ map }, { event_type: 'a', room_id: 'r' })).toMatchObject({ payload: '{"had":false}' });
});

test.each<[string, () => unknown, string]>([
  [
    'throws an error',
    () => {
      throw new TypeError('secret');
    },
    'map: map threw TypeError',
  ],
  [
    'throws anything else',
    () => {
      throw 'secret';
    },
    'map: map threw a value that is not an Error',
  ], // eslint-disable-line
  ['returns nothing', () => undefined, 'map: map must return an event or null, and no promise'],
  ['returns a promise', async () => ({}), 'map: map must return an event or null, and no promise'],
  ['returns a list', () => [], 'map: map must return an event or null, and no promise'],
  ['returns a part that is not a string', () => ({ room_id: 7 }), 'map: map must return a string as room_id'],
  [
    'returns a payload that is not JSON',
    () => ({ payload: 1n }),
    'map: map returned a payload that JSON cannot represent',
  ],
])('a map that %s rejects the entry, and the reason shows no value', (_, map, reason) => {
  expect(take({ map: map as NonNullable<IntakeRule['map']> }, entry)).toBe(reason);
});

test('a map that changes its arguments changes nothing', () => {
  const map = vi.fn((event: MappedEvent, seen: { readonly fields: object }) => {
    (event.payload as Record<string, unknown>)['n'] = 'changed';
    (seen.fields as Record<string, unknown>)['payload'] = 'changed';
    return {};
  });
  const fields = { ...entry };
  expect(take({ map }, fields)).toMatchObject({ payload: entry.payload });
  expect(fields).toEqual(entry);
});

test('a map that takes more than 5 ms three times rejects the entry', () => {
  let nowMs = 0;
  const slow = vi.fn(() => {
    nowMs += 5.1;
    return {};
  });
  expect(take({ map: slow }, entry, { monotonicMs: () => nowMs })).toBe(
    'slow: map took more than 5 ms, 3 times',
  );
  expect(slow).toHaveBeenCalledTimes(3);
});

test('a map that another process interrupted once is called again', () => {
  let nowMs = 0;
  const interrupted = vi.fn(() => {
    nowMs += interrupted.mock.calls.length === 1 ? 60 : 5;
    return { room_id: 'r2' };
  });
  expect(take({ map: interrupted }, entry, { monotonicMs: () => nowMs })).toMatchObject({ room_id: 'r2' });
  expect(interrupted).toHaveBeenCalledTimes(2);
});
