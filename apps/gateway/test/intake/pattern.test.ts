// The entries of the streams that a pattern matches are read by its rule, as entries of their own streams.
import { expect, test } from 'vitest';
import { originOf, SOURCE_FIELD, toCollected } from '../../src/intake/collector/pattern.js';
import { Intake, noEvent, ruleOf } from '../../src/intake/intake.js';
import { madeEventId } from '../../src/intake/made-event-id.js';

const into = 'events:notification';
const name = 'events:chat:*';
const intake = new Intake({
  [name]: {
    into,
    fields: { event_type: { default: 'notification' } },
    flatPayload: true,
    room: 'chat-{*}',
  },
});

test('a copied entry has the event ID, the timestamp and the room of its origin', () => {
  const { fields, dedupeId } = toCollected('events:chat:42', {
    id: '1768557600123-4',
    fields: { text: 'Hi' },
  });
  const taken = intake.take(into, { id: '1999999999999-0', fields });
  expect(taken.fields).toEqual({
    event_id: dedupeId,
    event_type: 'notification',
    timestamp: '2026-01-16T10:00:00.123Z',
    room_id: 'chat-42',
    payload: '{"text":"Hi"}',
  });
  expect([taken.id, ruleOf(taken)]).toEqual(['1999999999999-0', name]);
  expect(dedupeId).toBe(madeEventId('events:chat:42', '1768557600123-4'));
});

test.each(['events:chat:a b', 'events:chat:a 1-1', 'events:chat:! x', 'events:chat:a\nb'])(
  'the origin of an entry of the stream %j is its own stream',
  (stream) => {
    const [one, two] = ['1768557600000-0', '1768557600000-1'].map((id) => {
      const { fields, dedupeId } = toCollected(stream, { id, fields: { text: 'Hi' } });
      expect(originOf(fields)).toEqual({ stream, id, isDamaged: false });
      expect(intake.take(into, { id: '2-2', fields }).fields['event_id']).toBe(dedupeId);
      return dedupeId;
    });
    expect(one).not.toBe(two);
  },
);

test('an entry that cannot be copied unchanged is copied without its fields, and is rejected', () => {
  const wide = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`f${n}`, '']));
  for (const entry of [
    { id: '1-1', fields: { text: '?' }, isUtf8: false as const },
    { id: '1-1', fields: wide },
    { id: '1-1', fields: { room_id: 'millrace:control', control: '{"v":1,"kind":"sign_out"}' } },
    { id: '1-1', fields: { millrace: '1', room_id: 'any', event_type: 'notification' } },
  ]) {
    const { fields } = toCollected('events:chat:42', entry);
    expect(fields).toEqual({ [SOURCE_FIELD]: '1-1! events:chat:42' });
    expect(noEvent(intake.take(into, { id: '2-2', fields }))).toEqual({
      kind: 'refused',
      step: 'layout',
      reason:
        'the entry 1-1 of events:chat:42 has bytes that are not UTF-8 text, too many fields, or fields that only Millrace may write',
      cause: undefined,
    });
  }
});

test('other entries of the stream are left as they are', () => {
  for (const fields of [
    { event_id: 'e' },
    { [SOURCE_FIELD]: '1-1 events:other:1' },
    { [SOURCE_FIELD]: 'garbage' },
  ]) {
    const entry = { id: '1-1', fields };
    expect(intake.take(into, entry)).toBe(entry);
  }
  expect(originOf({ [SOURCE_FIELD]: 'garbage' })).toBeUndefined();
  expect([intake.streams, intake.has(into), intake.has('events:chat:42')]).toEqual([[into], true, false]);
});
