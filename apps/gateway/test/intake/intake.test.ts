// The intake reads the entries of other programs only, and never throws.
import { CONTROL_ROOM, encodeControlEntry, eventCatalog, PUBLISHED_FIELD } from '@millrace/contract';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { decide } from '../../src/dispatch/decide.js';
import { SeenEvents } from '../../src/dispatch/seen-events.js';
import { Intake, noEvent, originalOf, ruleOf, shownEnvelopeOf } from '../../src/intake/intake.js';
import type { IntakeRule } from '../../src/intake/rule.js';
import { takeDelivered } from '../../src/intake/take-delivered.js';
import { entryId as id, stream } from './take.js';

const map = vi.fn<NonNullable<IntakeRule['map']>>(() => ({ room_id: 'taken' }));
// A call of `map` that takes long on a busy machine would be repeated, so no time passes here.
const intake = new Intake({ [stream]: { map }, 'events:remote': undefined }, { monotonicMs: () => 0 });

test('the intake leaves control entries, marked entries and other streams alone', () => {
  const control = encodeControlEntry(
    { kind: 'sign_out', userId: 'u', keepMs: 1 },
    { eventId: 'e', userId: 'u', timestamp: 't', roomId: CONTROL_ROOM },
  );
  for (const [name, fields] of [
    [stream, control],
    [stream, { [PUBLISHED_FIELD]: '1', room_id: 'r' }],
    ['events:remote', {}],
    [`${stream}.p0`, {}],
  ] as const) {
    const entry = { id, fields };
    expect(intake.take(name, entry)).toBe(entry);
  }
  expect(map).not.toHaveBeenCalled();
  expect([intake.streams, intake.has(stream), intake.has('events:remote')]).toEqual([[stream], true, false]);
});

test('a rule runs once for an entry, when its fields are first used, and the entry itself is kept', () => {
  map.mockClear();
  const entry = { id, fields: { room_id: 'r', event_type: 'a', payload: '1' }, byteLength: 7 };
  const taken = intake.take(stream, entry);
  expect(map).not.toHaveBeenCalled();
  expect([taken.fields['room_id'], taken.fields['room_id'], noEvent(taken)]).toEqual([
    'taken',
    'taken',
    undefined,
  ]);
  expect(map).toHaveBeenCalledTimes(1);
  expect([ruleOf(taken), originalOf(taken)]).toEqual([stream, entry]);
  expect([ruleOf(entry), originalOf(entry)]).toEqual([undefined, entry]);
});

test('an entry with bytes that are not UTF-8 is rejected without running the rule', () => {
  map.mockClear();
  const taken = intake.take(stream, { id, fields: { room_id: 'r' }, isUtf8: false });
  expect(noEvent(taken)).toMatchObject({
    kind: 'refused',
    reason: 'a field holds bytes that are not UTF-8 text',
  });
  expect(map).not.toHaveBeenCalled();
});

test('an erasure searches the entry itself where a rule produces no event for it', () => {
  const throwing = new Intake({
    [stream]: {
      map: () => {
        throw new Error('no');
      },
    },
  });
  const entry = { id, fields: { room_id: 'r', payload: '1' } };
  expect(throwing.takeIfPossible(stream, entry)).toBe(entry);
  expect(intake.takeIfPossible(stream, entry).fields['room_id']).toBe('taken');
});

test('an intake rule cannot turn an entry of another program into a control entry', () => {
  const named = new Intake({ [stream]: { map: (event) => ({ ...event, room_id: 'millrace:control' }) } });
  const taken = named.take(stream, { id, fields: { room_id: 'r', payload: '{}' } });
  expect(taken.fields).toEqual({});
  expect(noEvent(taken)).toMatchObject({ kind: 'refused', reason: expect.stringContaining('reserved') });
});

test('an entry that was rejected when it was new is not an event when it is read again', async () => {
  const entries = ['1-1', '1-2'].map((each) => ({ id: each, fields: { room_id: 'r' } }));
  const findRejected = vi.fn(async () => new Set(['1-1']));
  const [rejected, delivered] = await takeDelivered({ stream, entries }, intake, { findRejected });
  expect([rejected, delivered?.fields['room_id']]).toEqual([{ id: '1-1', fields: {} }, 'taken']);
  expect(await takeDelivered({ stream: 'events:remote', entries }, intake, { findRejected })).toBe(entries);
  expect(findRejected).toHaveBeenCalledTimes(1);
});

test('an entry that is not an event is skipped or rejected, whatever the catalog says', () => {
  const decisionOf = (rule: IntakeRule) => {
    const entry = new Intake({ [stream]: rule }).take(stream, {
      id,
      fields: eventCatalog.encodeEntry({
        event_id: '6f1c2c4e-9a44-4a0e-9a56-0f5f1f6f6a01',
        event_type: 'notification',
        timestamp: '2026-01-16T10:00:00Z',
        room_id: 'room',
        payload: {},
      }),
    });
    const seen = new SeenEvents({ keepMs: 1_000, maxIds: 10 });
    const positions = { belongs: () => true };
    return decide(stream, entry, 1_768_557_600_200, {
      catalog: eventCatalog,
      freshness: 'entry',
      positions,
      seen,
    });
  };
  expect(decisionOf({ map: () => null })).toEqual({ action: 'skip' });
  expect(decisionOf({ jsonField: 'x' })).toEqual({
    action: 'reject',
    reason: 'intake of events:chat: the entry has no field x',
    step: 'layout',
  });
  expect(decisionOf({})).toMatchObject({ action: 'deliver' });
});

const rules: IntakeRule[] = [
  {
    snakeCase: 'pascal',
    rename: { a: 'b' },
    defaults: { c: [] },
    defaultsFrom: { d: 'payload.b.c' },
    timestamps: ['at'],
    room: '{room_id}/{b}',
  },
  {
    jsonField: 'payload',
    fields: { event_id: 'a.b', timestamp: { from: 'at', unit: 's' } },
    flatPayload: { b: 'number' },
  },
  {
    flatPayload: { payload: 'json', a: 'boolean' },
    eventId: 'hashed',
    fields: { room_id: { values: { x: null } } },
  },
];

test('every gateway makes the same of any garbage, and no garbage throws', () => {
  const json = fc.oneof(
    fc.json(),
    fc.object({ key: fc.constantFrom('a', 'B', 'aB', 'at', 'b') }).map((value) => JSON.stringify(value)),
    fc.string(),
  );
  const fields = fc.dictionary(
    fc.constantFrom(
      'event_id',
      'event_type',
      'timestamp',
      'room_id',
      'payload',
      'metadata',
      'a',
      '__proto__',
    ),
    json,
  );
  fc.assert(
    fc.property(
      fields,
      fc.constantFrom(...rules),
      fc.constantFrom('1768557600123-4', '99999999999999999999-1'),
      (given, rule, entryId) => {
        const read = () => {
          const taken = new Intake({ [stream]: rule }).take(stream, { id: entryId, fields: { ...given } });
          return { fields: taken.fields, none: noEvent(taken) };
        };
        const first = read();
        expect(read()).toEqual(first);
        for (const value of Object.values(first.fields)) expect(typeof value).toBe('string');
      },
    ),
    { numRuns: 500 },
  );
});

test('the event type and room of an entry can be shown even if the intake rule produces no event for it', () => {
  const shown = new Intake({
    [stream]: {
      jsonField: 'message',
      fields: { event_type: { from: 'Kind', values: { Note: 'notification' } }, room_id: 'To.Id' },
      room: 'user:{room_id}',
      map: ({ payload }) => {
        if (payload === 'text') throw new TypeError('not an object');
        return {};
      },
    },
  });
  const partsOf = (message: string) => {
    const { event_type, room_id } = shownEnvelopeOf(shown.take(stream, { id, fields: { message } }));
    return [event_type, room_id];
  };
  expect(partsOf('{"Kind":"Note","To":{"Id":"7"},"payload":{}}')).toEqual(['notification', 'user:7']);
  expect(partsOf('{"Kind":"Note","To":{"Id":"7"},"payload":"text"}')).toEqual(['notification', '7']);
  expect(partsOf('no JSON')).toEqual([undefined, undefined]);
  const plain = { id, fields: { event_type: 'a', room_id: 'r' } };
  expect(shownEnvelopeOf(shown.take('events:remote', plain))).toMatchObject({
    event_type: 'a',
    room_id: 'r',
  });
});
