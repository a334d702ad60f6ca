// The messages that a view makes for events, and the events that it rejects.
import { defineCatalog, defineEventType, defineStream, type ReceivedEvent, Type } from '@millrace/contract';
import { PreparedCall, type SharedCall } from '@millrace/signalr';
import { expect, test } from 'vitest';
import { prepareEvent } from '../../src/dispatch/event-text.js';
import { EventForms, MAX_RULE_MS } from '../../src/views/event-forms.js';
import { type EventSource, resolveView } from '../../src/views/resolved-view.js';
import { defineView, type View } from '../../src/views/view.js';

const catalog = defineCatalog({
  streams: [defineStream({ name: 'events:notes', maxLength: 500 })],
  eventTypes: [
    defineEventType({
      name: 'note',
      payload: Type.Unknown(),
      stream: 'events:notes',
      lane: 'medium',
      maxAgeMs: null,
      replay: { mode: 'all' },
    }),
  ],
});

const MAX_BYTES = 10_000;

function received(payload: string): ReceivedEvent {
  const parsed = catalog.parseEntry({
    event_id: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
    event_type: 'note',
    timestamp: '2026-01-16T10:00:00Z',
    room_id: 'room "1"',
    payload,
  });
  if (!parsed.ok) throw new Error('the sample is invalid');
  return parsed.value;
}

function sourceOf(payload: string, position = 'p.1'): EventSource {
  const event = received(payload);
  return { received: event, position: () => position, eventText: () => prepareEvent(event, position).text };
}

function setUp(
  sends: NonNullable<View<typeof catalog>['sends']>['note'],
  rest: Partial<View<typeof catalog>> = {},
) {
  const rejections: string[] = [];
  const time = { monotonicMs: 0 };
  const view = defineView({
    catalog,
    path: '/hubs/notes',
    groups: ['room', 'desk'],
    ...rest,
    sends: sends === undefined ? {} : { note: sends },
  });
  const forms = new EventForms(resolveView(view), {
    catalog,
    maxBytes: MAX_BYTES,
    monotonicMs: () => time.monotonicMs,
    onRejected: (type, reason, fault) => rejections.push(`${type} ${reason}: ${fault}`),
  });
  const linesOf = (source: EventSource): readonly string[] =>
    forms.ofEvent(source).map(({ group, call }) => `${group} ${textOf(call)}`);
  return { forms, rejections, time, linesOf };
}

/** Returns a message as JSON clients receive it: its target and its arguments. */
function textOf(call: SharedCall): string {
  const [, target, args] =
    /"target":"([^"]+)","arguments":(.*)\}$/s.exec(call.encode().toString().slice(0, -1)) ?? [];
  return `${target}${args}`;
}

test('a payload without other arguments is sent exactly as it was written', () => {
  const { linesOf } = setUp({ method: 'Note' });
  const text = '{ "n" : 12345678901234567890, "x":1.0e2,\n"ä":"\\u0041" }';
  expect(linesOf(sourceOf(text))).toEqual([`room Note[${text}]`]);
});

test('an event is sent as the hub /hubs/events sends it', () => {
  const { linesOf } = setUp({ method: 'Note', arguments: 'event' });
  const source = sourceOf('{"n":1}');
  expect(linesOf(source)).toEqual([`room Note[${source.eventText()}]`]);
});

test('a function wraps and renames, and the written texts keep all digits', () => {
  const { linesOf } = setUp({
    method: 'Note',
    arguments: (event, written) => [
      { id: event.event_id, data: written.payload, one: written.member('n') },
      written.member('none'),
      Buffer.from('bytes'),
    ],
  });
  expect(linesOf(sourceOf('{"n":12345678901234567890}'))).toEqual([
    'room Note[{"id":"3f2504e0-4f89-41d3-9a0c-0305e82c3301","data":{"n":12345678901234567890},"one":12345678901234567890},null,"Ynl0ZXM="]',
  ]);
});

test('a payload that is not an object has no members', () => {
  const { linesOf } = setUp({ method: 'Note', arguments: (_event, { member }) => [member('n')] });
  expect(linesOf(sourceOf('[{"n":1}]'))).toEqual(['room Note[null]']);
});

test('several messages keep their declared order, and the last one for each group ends with the position', () => {
  const { linesOf } = setUp([{ method: 'B', group: 'desk' }, { method: 'A' }, { method: 'B' }], {
    appendsPosition: true,
  });
  expect(linesOf(sourceOf('1', 'p.7'))).toEqual(['desk B[1,"p.7"]', 'room A[1,null]', 'room B[1,"p.7"]']);
});

test('a rule that is a function sends none, one or several messages for an event', () => {
  const { linesOf, rejections } = setUp((event) =>
    Array.from({ length: Number(event.payload) }, (_, index) => ({
      method: `M${index}`,
      arguments: [index],
    })),
  );
  expect([0, 1, 2].map((count) => linesOf(sourceOf(String(count))))).toEqual([
    [],
    ['room M0[0]'],
    ['room M0[0]', 'room M1[1]'],
  ]);
  expect(rejections).toEqual([]);
});

test.each<[string, (event: { payload: unknown }) => unknown, RegExp]>([
  ['throws', () => JSON.parse('{') as unknown, /^note threw: SyntaxError at /],
  ['throws the payload', (event) => thrown(event.payload), /^note threw: it threw/],
  [
    'throws what cannot be read',
    () => thrown(revokedProxy()),
    /^note threw: it threw something that cannot be read$/,
  ],
  ['returns no list', () => 'all', /^note invalid: the messages of a rule must be a list$/],
  [
    'returns a promise',
    async () => [],
    /^note invalid: .* must not be a promise: the function must not be async$/,
  ],
  [
    'returns a promise that is rejected',
    async () => thrown(new Error('rejected')),
    /^note invalid: the messages of a rule must not be a promise/,
  ],
  [
    'gives a promise as an argument',
    () => [{ method: 'A', arguments: [1, Promise.reject(new Error('rejected'))] }],
    /^note invalid: number 2 of the arguments of a message must not be a promise/,
  ],
  [
    'makes more bytes than the queue of a client takes',
    () => Array.from({ length: 16 }, () => ({ method: 'A', arguments: ['x'.repeat(MAX_BYTES / 16)] })),
    /^note invalid: its messages have \d+ bytes, more than the 10000 that fit into the queue of a client/,
  ],
  [
    'returns too many messages',
    () => Array.from({ length: 17 }, () => ({ method: 'A', arguments: [] })),
    /at most 16/,
  ],
  ['names no method', () => [{ arguments: [] }], /must name its client method/],
  [
    'names an unknown group',
    () => [{ group: 'x', method: 'A', arguments: [] }],
    /must name a group of the view/,
  ],
  ['gives no list of arguments', () => [{ method: 'A' }], /arguments of a message must be a list/],
  [
    'gives a value that cannot be written',
    () => [{ method: 'A', arguments: [Number.NaN] }],
    /^note invalid: .*NaN/,
  ],
])('an event is rejected if the rule %s', (_, rule, fault) => {
  const { linesOf, rejections } = setUp(rule as never);
  expect(linesOf(sourceOf('"secret"'))).toEqual([]);
  expect(rejections).toEqual([expect.stringMatching(fault)]);
  expect(rejections[0]).not.toContain('secret');
});

test('no message of an event is made if one of them cannot be written', () => {
  const { linesOf, rejections } = setUp([{ method: 'A' }, { method: 'B', arguments: () => [10n ** 30n] }]);
  expect(linesOf(sourceOf('1'))).toEqual([]);
  expect(rejections).toHaveLength(1);
});

test('a declared list of messages is rejected if the queue of a client cannot take it, and one message is not', () => {
  const payload = JSON.stringify('x'.repeat(MAX_BYTES * 0.75));
  const { linesOf, rejections } = setUp([{ method: 'A' }, { method: 'B' }]);
  expect(linesOf(sourceOf(payload))).toEqual([]);
  expect(rejections).toEqual([expect.stringContaining('invalid: its messages have')]);
  expect(setUp({ method: 'A' }).linesOf(sourceOf(JSON.stringify('x'.repeat(MAX_BYTES))))).toHaveLength(1);
});

test('an event whose rule is slow each time is rejected, and one interrupted call does not count', () => {
  const durations: number[] = [];
  const calls: unknown[] = [];
  const { linesOf, rejections, time } = setUp((event) => {
    calls.push(event.payload);
    time.monotonicMs += durations.shift() ?? 0;
    return [{ method: 'Note', arguments: [] }];
  });
  durations.push(MAX_RULE_MS + 1, MAX_RULE_MS);
  expect(linesOf(sourceOf('1'))).toEqual(['room Note[]']);
  expect(rejections).toEqual([]);
  durations.push(6, 6, 6, 6);
  expect([linesOf(sourceOf('2')), linesOf(sourceOf('3'))]).toEqual([[], []]);
  expect(rejections).toEqual([1, 2].map(() => 'note slow: it took more than 5 ms'));
  // After a rejection, a rule is called once per event until it is fast again.
  expect(calls).toEqual([1, 1, 2, 2, 2, 3]);
  expect(linesOf(sourceOf('4'))).toEqual(['room Note[]']);
});

test('an event from memory has the same messages as the new event, and they are made once', () => {
  let calls = 0;
  const { forms } = setUp(
    [
      { method: 'Whole', arguments: 'event' },
      { method: 'Part', arguments: (_event, { member }) => [++calls && member('n')] },
    ],
    { appendsPosition: true },
  );
  const source = sourceOf('{"n":12345678901234567890 , "m":[1]}', 'AQ.a-b_c~1');
  const live = forms.ofEvent(source).map(({ call }) => textOf(call));
  const kept = prepareEvent(source.received, source.position());
  const stored = Buffer.concat([Buffer.alloc(PreparedCall.headroomBytes), kept.bytes]);
  const call = PreparedCall.fromBytes('note', stored.subarray(PreparedCall.headroomBytes));
  const replayed = forms.ofCall(call);
  expect(replayed.map((send) => textOf(send.call))).toEqual(live);
  expect(forms.ofCall(call)).toBe(replayed);
  expect(calls).toBe(2);
});

test('a type without a rule has no messages', () => {
  const { forms } = setUp(undefined);
  expect(forms.ofCall(new PreparedCall('event_erased', '{}'))).toEqual([]);
});

function revokedProxy(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function thrown(value: unknown): never {
  // A module in JavaScript may throw anything.
  throw value;
}
