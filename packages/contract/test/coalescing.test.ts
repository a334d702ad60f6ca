// `fold` merges the events of one window. `slotOf` names the slot in which an event waits. `endedBy` names
// the slot whose waiting event is dropped when an event arrives.
import { createCoalescing, eventCatalog, type StreamEvent } from '@millrace/contract';
import { expect, test } from 'vitest';
import { idOf, message, receipt, start, stop } from './coalescing-samples.js';

const rules = createCoalescing(eventCatalog);

function fold(events: readonly StreamEvent[]): ReturnType<typeof rules.fold> {
  return rules.fold(events.map((event) => ({ event, key: rules.slotOf(event)?.key ?? '' })));
}

/** Returns the type, the last digit of the ID, and the count of each merged event. */
function merged(events: readonly StreamEvent[]): readonly string[] {
  return fold(events).events.map(
    (event) => `${event.event_type} ${event.event_id.at(-1)} ×${event.metadata?.coalesced_count}`,
  );
}

test('the last of several typing events remains, and its count includes all of them', () => {
  expect(merged([start({ id: 1, ms: 0 }), stop({ id: 2, ms: 1 })])).toEqual(['typing_stop 2 ×2']);
  expect(merged([start({ id: 1, ms: 0 }), stop({ id: 2, ms: 1 }), start({ id: 3, ms: 2 })])).toEqual([
    'typing_start 3 ×3',
  ]);
  expect(merged([stop({ id: 1, ms: 0 })])).toEqual(['typing_stop 1 ×1']);
  expect(merged([])).toEqual([]);
});

test('the typing event that arrives last remains, whatever its timestamp is', () => {
  for (const ms of [-300_000, 0, 300_000]) {
    expect(merged([start({ id: 1, ms: 0 }), stop({ id: 2, ms })])).toEqual(['typing_stop 2 ×2']);
    expect(merged([stop({ id: 1, ms: 0 }), start({ id: 2, ms })])).toEqual(['typing_start 2 ×2']);
  }
});

test('typing events of two users are not merged, and stay in the order of the users’ first events', () => {
  const events = [
    start({ id: 1, ms: 0, user: 1 }),
    start({ id: 2, ms: 1, user: 2 }),
    stop({ id: 3, ms: 2, user: 1 }),
  ];
  expect(merged(events)).toEqual(['typing_stop 3 ×2', 'typing_start 2 ×1']);
});

test('an event is reported as absorbed only if it was merged with an earlier event', () => {
  const events = [start({ id: 1, ms: 0 }), start({ id: 2, ms: 1, user: 2 }), stop({ id: 3, ms: 2 })];
  expect(fold(events).absorbed).toEqual([events[2]]);
});

test('two UUIDs that differ only in case identify the same user', () => {
  const user = 'abcdefab-cdef-4abc-8def-abcdefabcdef';
  const one = { ...start({ id: 1, ms: 0 }), payload: { user_id: user, username: 'a', is_typing: true } };
  const two = {
    ...stop({ id: 2, ms: 1 }),
    payload: { user_id: user.toUpperCase(), username: 'a', is_typing: false },
  };
  expect(merged([one, two])).toEqual(['typing_stop 2 ×2']);
});

test('merged receipts contain each message ID once, in the order of arrival', () => {
  const { events } = fold([
    receipt({ id: 1, ms: 1 }, [1, 2]),
    receipt({ id: 2, ms: 3 }, [2, 3]),
    receipt({ id: 3, ms: 0 }, [9, 1]),
  ]);
  expect(events).toEqual([{ ...receipt({ id: 3, ms: 0 }, [1, 2, 3, 9]), metadata: { coalesced_count: 3 } }]);
});

test('receipts that would be too large together are not merged, and keep their order', () => {
  const many = (first: number): readonly number[] => Array.from({ length: 4_000 }, (_, n) => first + n);
  const { events, absorbed } = fold([
    receipt({ id: 1, ms: 0 }, many(0)),
    receipt({ id: 2, ms: 0, user: 2 }, [1]),
    receipt({ id: 3, ms: 1 }, many(4_000)),
    receipt({ id: 4, ms: 1, user: 2 }, [2]),
  ]);
  expect(events.map(({ event_id }) => event_id)).toEqual([1, 2, 3, 4].map(idOf));
  expect(absorbed).toEqual([]);
});

test('a merged event has the metadata and extra fields of the last event, and the sum of all counts', () => {
  const last = {
    ...start({ id: 2, ms: 1 }),
    metadata: { trace_id: 't', coalesced_count: 3, extra: 1 },
    extra: true,
  };
  const { events } = fold([start({ id: 1, ms: 0, count: 4 }), last]);
  expect(events).toEqual([{ ...last, metadata: { trace_id: 't', coalesced_count: 7, extra: 1 } }]);
  expect(eventCatalog.parseEvent(events[0]).ok).toBe(true);
});

test('the count of a merged event never exceeds the maximum of the envelope, even if producers send huge counts', () => {
  const max = Number.MAX_SAFE_INTEGER;
  const { events } = fold([start({ id: 1, ms: 0, count: max }), start({ id: 2, ms: 1, count: max })]);
  expect(eventCatalog.parseEvent(events[0])).toMatchObject({
    ok: true,
    value: { metadata: { coalesced_count: max } },
  });
});

test('a message without a sender does not end any indicator', () => {
  expect(rules.endedBy(message({ id: 1, ms: 0, system: true }))).toBeUndefined();
});

test('a typing event waits in the slot of its type, and a message ends its sender’s typing', () => {
  expect(rules.slotOf(start({ id: 1, ms: 0, room: 'r' }))).toEqual({
    roomId: 'r',
    slot: 'typing',
    key: idOf(1),
  });
  expect(rules.slotOf(receipt({ id: 1, ms: 0 }, [1]))).toMatchObject({ slot: 'read_receipt' });
  expect(rules.slotOf(message({ id: 1, ms: 0 }))).toBeUndefined();
  expect(rules.endedBy(message({ id: 1, ms: 0, room: 'r' }))).toEqual({
    roomId: 'r',
    slot: 'typing',
    key: idOf(1),
  });
  expect(rules.endedBy(start({ id: 1, ms: 0 }))).toBeUndefined();
  expect(rules.slotOf({ ...start({ id: 1, ms: 0 }), event_type: 'nope' })).toBeUndefined();
});

test('fold does not change its input events', () => {
  const events = [start({ id: 1, ms: 0 }), stop({ id: 2, ms: 1 }), start({ id: 3, ms: 1, user: 2 })];
  const before = structuredClone(events);
  for (const event of events) deepFreeze(event);
  fold(events);
  expect(events).toEqual(before);
});

function deepFreeze(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const inner of Object.values(value)) deepFreeze(inner);
  Object.freeze(value);
}
