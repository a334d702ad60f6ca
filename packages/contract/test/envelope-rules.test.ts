// The rules for every field of the envelope and of the metadata.
import { ContractError, eventCatalog } from '@millrace/contract';
import { EVENT_ID, eventOf, UUID_V1 } from '@millrace/testkit';
import { expect, test } from 'vitest';

function firstIssue(value: unknown): string {
  const result = eventCatalog.parseEvent(value);
  const [issue] = result.ok ? [] : result.issues;
  return issue === undefined ? 'accepted' : `${issue.path} ${issue.rule} ${issue.actualType}`;
}

const MAX = Number.MAX_SAFE_INTEGER;

test.each([
  [{ event_id: undefined }, '/event_id required undefined'],
  [{ event_id: null }, '/event_id type null'],
  [{ event_id: UUID_V1 }, '/event_id format:uuid-v4 string'],
  [{ event_id: EVENT_ID.replace('-9c1e', '-7c1e') }, '/event_id format:uuid-v4 string'],
  [{ event_id: `${EVENT_ID}\n` }, '/event_id format:uuid-v4 string'],
  [{ event_id: '٠'.repeat(36) }, '/event_id format:uuid-v4 string'],
  [{ event_id: EVENT_ID.toUpperCase() }, 'accepted'],
  [{ event_type: undefined }, '/event_type required undefined'],
  [{ event_type: 7 }, '/event_type type number'],
  [{ event_type: 'chat' }, '/event_type event-type string'],
  [{ event_type: 'Notification' }, '/event_type event-type string'],
  [{ event_type: '__proto__' }, '/event_type event-type string'],
  [{ event_type: 'constructor' }, '/event_type event-type string'],
  [{ timestamp: undefined }, '/timestamp required undefined'],
  [{ timestamp: '2026-01-16T12:00:00' }, 'accepted'],
  [{ timestamp: '2026-01-16' }, '/timestamp format:date-time string'],
  [{ timestamp: 1_768_564_800 }, '/timestamp type number'],
  [{ room_id: undefined }, '/room_id required undefined'],
  [{ room_id: '' }, '/room_id format:room-id string'],
  [{ room_id: '{abc}' }, 'accepted'],
  [{ room_id: '*' }, 'accepted'],
  [{ room_id: '**' }, 'accepted'],
  [{ room_id: 'a\nb' }, '/room_id format:room-id string'],
  [{ room_id: 5 }, '/room_id type number'],
  [{ payload: undefined }, '/payload required undefined'],
  [{ metadata: undefined }, 'accepted'],
  [{ metadata: null }, 'accepted'],
  [{ metadata: {} }, 'accepted'],
  [{ metadata: { trace_id: null, source_instance: null, coalesced_count: null, extra: [1] } }, 'accepted'],
  [{ metadata: 'text' }, '/metadata type string'],
  [{ metadata: [] }, '/metadata type array'],
  [{ metadata: { trace_id: 1 } }, '/metadata/trace_id type number'],
  [{ metadata: { source_instance: {} } }, '/metadata/source_instance type object'],
  [{ metadata: { coalesced_count: 0 } }, '/metadata/coalesced_count minimum number'],
  [{ metadata: { coalesced_count: '1' } }, '/metadata/coalesced_count type string'],
  [{ metadata: { coalesced_count: 1.5 } }, '/metadata/coalesced_count type number'],
  [{ metadata: { coalesced_count: MAX } }, 'accepted'],
  [{ metadata: { coalesced_count: MAX + 1 } }, '/metadata/coalesced_count maximum number'],
])('an event with the fields %j has the issue “%s”', (change, expected) => {
  expect(firstIssue({ ...eventOf('notification'), ...change })).toBe(expected);
});

test.each([null, undefined, 'text', 1, true, [], () => 1])(
  'the value %s is not accepted as an event',
  (value) => {
    expect(firstIssue(value)).toMatch(/^ type /);
  },
);

test.each([
  ['2026-11-28T14:50:00+0000', '2026-11-28T14:50:00+00:00'],
  ['2026-11-28T14:50:00.123456', '2026-11-28T14:50:00.123456Z'],
])('the timestamp %s is normalised to %s', (timestamp, normal) => {
  const event = Object.freeze({ ...eventOf('notification'), timestamp });
  expect(eventCatalog.parseEvent(event)).toEqual({ ok: true, value: { ...event, timestamp: normal } });
});

test('parseEvent converts an event ID to lower case in a copy, and leaves the given event unchanged', () => {
  const event = Object.freeze({ ...eventOf('notification'), event_id: EVENT_ID.toUpperCase() });
  expect(eventCatalog.parseEvent(event)).toEqual({ ok: true, value: { ...event, event_id: EVENT_ID } });
});

test('assertEvent throws an error that has a stable code and the issues of the event', () => {
  expect(eventCatalog.assertEvent(eventOf('notification'))).toEqual(eventOf('notification'));
  expect(() => eventCatalog.assertEvent(eventOf('nope'))).toThrow(
    expect.objectContaining({ name: 'ContractError', code: 'unknown_event_type' }),
  );
  const wrong = eventOf('typing_start', { user_id: EVENT_ID, username: 'ada', is_typing: false });
  expect(() => eventCatalog.assertEvent(wrong)).toThrow(ContractError);
  expect(() => eventCatalog.assertEvent(wrong)).toThrow(
    expect.objectContaining({
      code: 'invalid_event',
      message: '/payload/is_typing must be true for typing_start, got boolean',
      issues: [{ path: '/payload/is_typing', rule: 'const', expected: 'true', actualType: 'boolean' }],
    }),
  );
});
