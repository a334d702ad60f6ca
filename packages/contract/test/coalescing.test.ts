// The states of coalescing, one transition after the other, and the rule of each.
import {
  type CoalescingWindow,
  createCoalescing,
  eventCatalog,
  type SlotKey,
  type StreamEvent,
} from '@millrace/contract';
import { expect, test } from 'vitest';
import { at, idOf, message, receipt, start, stop } from './coalescing-samples.js';

const rules = createCoalescing(eventCatalog);

function addAll(events: readonly StreamEvent[], window?: CoalescingWindow): CoalescingWindow | undefined {
  return events.reduce<CoalescingWindow | undefined>(
    (open, event) => rules.add(open, event, 0).window,
    window,
  );
}

function published(events: readonly StreamEvent[]): readonly string[] {
  return rules
    .flush(addAll(events))
    .events.map(
      (event) => `${event.event_type} ${event.event_id.at(-1)} ×${event.metadata?.coalesced_count}`,
    );
}

test('Idle → Pending → Flushing → Published → Idle', () => {
  const opened = rules.add(undefined, start({ id: 1, ms: 0 }), 1_000);
  expect(opened).toMatchObject({ outcome: 'opened', count: 1, window: { state: 'pending', dueAtMs: 1_100 } });
  expect(rules.dueAtMs(opened.window)).toBe(1_100);
  expect(rules.settle(opened.window)).toBe(opened.window);
  const { window: flushing, events } = rules.flush(opened.window);
  expect(flushing).toMatchObject({ state: 'flushing', events });
  expect(events).toHaveLength(1);
  expect(rules.dueAtMs(flushing)).toBeUndefined();
  const done = rules.publish(flushing);
  expect(done).toMatchObject({ state: 'published' });
  expect(rules.settle(flushing)).toBe(flushing);
  expect(rules.settle(done)).toBeUndefined();
});

test('the window is fixed by its first event: later ones do not make it longer', () => {
  const first = rules.add(undefined, start({ id: 1, ms: 0 }), 1_000).window;
  const second = rules.add(first, stop({ id: 2, ms: 90 }), 1_090);
  expect(second).toMatchObject({ outcome: 'absorbed', window: { dueAtMs: 1_100 } });
  expect(rules.add(second.window, start({ id: 3, ms: 95, user: 2 }), 1_095)).toMatchObject({
    outcome: 'joined',
    window: { dueAtMs: 1_100 },
  });
});

test('an event during a flush, or after it, opens a new window; the flush it overtook changes nothing in it', () => {
  const flushing = rules.flush(addAll([start({ id: 1, ms: 0 })])).window;
  const next = rules.add(flushing, start({ id: 2, ms: 50 }), 150);
  expect(next).toMatchObject({
    outcome: 'opened',
    window: { state: 'pending', dueAtMs: 250, eventIds: [idOf(2)] },
  });
  expect(rules.publish(next.window)).toBe(next.window);
  expect(rules.add(rules.publish(flushing), start({ id: 3, ms: 60 }), 160).outcome).toBe('opened');
});

test('the last of start and stop wins, and stands for all', () => {
  expect(published([start({ id: 1, ms: 0 }), stop({ id: 2, ms: 1 })])).toEqual(['typing_stop 2 ×2']);
  expect(published([start({ id: 1, ms: 0 }), stop({ id: 2, ms: 1 }), start({ id: 3, ms: 2 })])).toEqual([
    'typing_start 3 ×3',
  ]);
  expect(published([stop({ id: 1, ms: 0 })])).toEqual(['typing_stop 1 ×1']);
});

test('the last to arrive wins, whatever the clocks of its producers say', () => {
  for (const ms of [-300_000, 0, 300_000]) {
    expect(published([start({ id: 1, ms: 0 }), stop({ id: 2, ms })])).toEqual(['typing_stop 2 ×2']);
    expect(published([stop({ id: 1, ms: 0 }), start({ id: 2, ms })])).toEqual(['typing_start 2 ×2']);
  }
});

test('two people who type stay apart, in the order in which they came', () => {
  const events = [
    start({ id: 1, ms: 0, user: 1 }),
    start({ id: 2, ms: 1, user: 2 }),
    stop({ id: 3, ms: 2, user: 1 }),
  ];
  expect(published(events)).toEqual(['typing_stop 3 ×2', 'typing_start 2 ×1']);
});

test('the same user in another spelling of the id is the same user', () => {
  const user = 'abcdefab-cdef-4abc-8def-abcdefabcdef';
  const one = { ...start({ id: 1, ms: 0 }), payload: { user_id: user, username: 'a', is_typing: true } };
  const two = {
    ...stop({ id: 2, ms: 1 }),
    payload: { user_id: user.toUpperCase(), username: 'a', is_typing: false },
  };
  expect(published([one, two])).toEqual(['typing_stop 2 ×2']);
});

test('receipts unite their messages, without repeats, in the order in which they came', () => {
  const { events } = rules.flush(
    addAll([
      receipt({ id: 1, ms: 1 }, [1, 2]),
      receipt({ id: 2, ms: 3 }, [2, 3]),
      receipt({ id: 3, ms: 0 }, [9, 1]),
    ]),
  );
  expect(events).toEqual([{ ...receipt({ id: 3, ms: 0 }, [1, 2, 3, 9]), metadata: { coalesced_count: 3 } }]);
});

test('the merged event keeps the metadata and extra fields of the last, and adds the count', () => {
  const last = {
    ...start({ id: 2, ms: 1 }),
    metadata: { trace_id: 't', coalesced_count: 3, extra: 1 },
    extra: true,
  };
  const { events } = rules.flush(addAll([start({ id: 1, ms: 0, count: 4 }), last]));
  expect(events).toEqual([{ ...last, metadata: { trace_id: 't', coalesced_count: 7, extra: 1 } }]);
  expect(eventCatalog.parseEvent(events[0]).ok).toBe(true);
});

test('a count that a producer exaggerates stays one that the envelope accepts', () => {
  const max = Number.MAX_SAFE_INTEGER;
  const { events } = rules.flush(
    addAll([start({ id: 1, ms: 0, count: max }), start({ id: 2, ms: 1, count: max })]),
  );
  expect(eventCatalog.parseEvent(events[0])).toMatchObject({
    ok: true,
    value: { metadata: { coalesced_count: max } },
  });
});

test('a repeat inside the window changes nothing', () => {
  const window = addAll([start({ id: 1, ms: 0 }), stop({ id: 2, ms: 1 })]);
  expect(rules.add(window, start({ id: 1, ms: 9 }), 50)).toEqual({ outcome: 'repeat', window, count: 1 });
  expect(rules.add(window, start({ id: 1, ms: 9 }), 50).window).toBe(window);
});

test('a full window takes repeats but nothing new, until it was flushed', () => {
  const small = createCoalescing(eventCatalog, { maxEvents: 2 });
  const window = addAll([start({ id: 1, ms: 0 }), start({ id: 2, ms: 1 })]);
  expect(small.add(window, start({ id: 2, ms: 1 }), 5).outcome).toBe('repeat');
  expect(small.add(window, stop({ id: 3, ms: 2 }), 5)).toEqual({ outcome: 'full', window, count: 1 });
  expect(small.add(small.flush(window).window, stop({ id: 3, ms: 2 }), 5).outcome).toBe('opened');
});

const endOf = (event: StreamEvent): SlotKey => {
  const slotKey = rules.endedBy(event);
  if (slotKey === undefined) throw new Error('the event ends nothing');
  return slotKey;
};

test('a message takes out what its sender has waiting, as one event, and leaves the others', () => {
  const window = addAll([
    start({ id: 1, ms: 0, user: 1, count: 2 }),
    start({ id: 2, ms: 0, user: 2 }),
    stop({ id: 3, ms: 1, user: 1 }),
  ]);
  // Made by a machine whose clock is behind.
  const result = rules.end(window, endOf(message({ id: 4, ms: -300_000, user: 1 })));
  expect(result.ended).toMatchObject({ event_id: idOf(3), metadata: { coalesced_count: 3 } });
  expect(rules.flush(result.window).events.map((event) => event.event_id)).toEqual([idOf(2)]);
});

test('a message that leaves nothing waiting makes the window idle', () => {
  const result = rules.end(addAll([start({ id: 1, ms: 0 })]), endOf(message({ id: 2, ms: 1 })));
  expect(result).toMatchObject({ window: undefined, ended: { event_id: idOf(1) } });
});

test('a message ends nothing of what comes after it, of others, or that is on its way', () => {
  const ending = endOf(message({ id: 9, ms: 300_000 }));
  expect(rules.end(undefined, ending)).toEqual({ window: undefined, ended: undefined });
  expect(rules.add(rules.end(undefined, ending).window, start({ id: 1, ms: 0 }), 0).outcome).toBe('opened');
  const others = addAll([start({ id: 1, ms: 0, user: 2 })]);
  expect(rules.end(others, ending)).toEqual({ window: others, ended: undefined });
  const flushing = rules.flush(addAll([start({ id: 1, ms: 0 })])).window;
  expect(rules.end(flushing, ending)).toEqual({ window: flushing, ended: undefined });
});

test('a system message ends nothing', () => {
  expect(rules.endedBy(message({ id: 1, ms: 0, system: true }))).toBeUndefined();
});

test('where an event waits and what it ends', () => {
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

test('the window of another room or slot, and an event that is not coalesced, are mistakes', () => {
  const refuse = expect.objectContaining({ code: 'invalid_window' });
  const window = addAll([start({ id: 1, ms: 0 })]);
  expect(() => rules.add(window, start({ id: 2, ms: 0, room: 'other' }), 0)).toThrow(refuse);
  expect(() => rules.add(window, receipt({ id: 2, ms: 0 }, [1]), 0)).toThrow(refuse);
  expect(() => rules.end(window, endOf(message({ id: 2, ms: 0, room: 'other' })))).toThrow(refuse);
  expect(() => rules.add(undefined, message({ id: 2, ms: 0 }), 0)).toThrow(refuse);
});

test('nothing changes the values handed in, and every state survives JSON', () => {
  const states: CoalescingWindow[] = [];
  const keep = (window: CoalescingWindow | undefined): CoalescingWindow | undefined => {
    if (window !== undefined) states.push(deepFreeze(structuredClone(window)));
    return states.at(-1);
  };
  let window = keep(rules.add(undefined, start({ id: 1, ms: 0 }), 0).window);
  window = keep(rules.add(window, stop({ id: 2, ms: 1 }), 1).window);
  window = keep(rules.add(window, start({ id: 3, ms: 1, user: 2 }), 1).window);
  window = keep(rules.end(window, endOf(message({ id: 4, ms: 2 }))).window);
  window = keep(rules.flush(window).window);
  keep(rules.publish(window));
  expect(states.map((state) => state.state)).toEqual([
    'pending',
    'pending',
    'pending',
    'pending',
    'flushing',
    'published',
  ]);
  for (const state of states) expect(JSON.parse(JSON.stringify(state))).toEqual(state);
  expect(at(0)).toBe('2026-01-16T12:00:00.000Z');
});

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
