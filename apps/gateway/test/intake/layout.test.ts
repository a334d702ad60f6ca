// The parts of an event are found wherever the rule says that they are.
import { describe, expect, test } from 'vitest';
import type { IntakeRule } from '../../src/intake/rule.js';
import { take } from './take.js';

const eventId = '6f1c2c4e-9a44-4a0e-9a56-0f5f1f6f6a01';
const timestamp = '2026-01-16T09:59:59Z';
const event = {
  event_id: eventId,
  event_type: 'notification',
  timestamp,
  room_id: 'room-1',
  payload: '{"a":1}',
};

describe('fields of their own', () => {
  test('an entry in the form of an event keeps its parts, and loses its other fields', () => {
    expect(take({}, { ...event, metadata: '{"trace_id":"t"}', note: 'x' })).toEqual({
      ...event,
      metadata: '{"trace_id":"t"}',
    });
  });

  test('each part is taken from the field that the rule names', () => {
    const rule: IntakeRule = {
      fields: {
        event_id: 'Id',
        event_type: 'Kind',
        timestamp: 'At',
        room_id: 'Channel',
        payload: 'Body',
        metadata: 'Trace',
      },
    };
    const entry = {
      Id: eventId,
      Kind: 'notification',
      At: timestamp,
      Channel: 'room-1',
      Body: '{"a":1}',
      Trace: '{"trace_id":"t"}',
    };
    expect(take(rule, entry)).toEqual({ ...event, metadata: '{"trace_id":"t"}' });
  });

  test('a value is replaced, a missing one has its default, and a value of null skips the entry', () => {
    const rule: IntakeRule = {
      fields: {
        event_type: { from: 'Kind', values: { 'note:new': 'notification', ping: null }, default: 'note:new' },
        room_id: { default: 'lobby' },
      },
    };
    expect(take(rule, { Kind: 'note:new' })).toMatchObject({ event_type: 'notification', room_id: 'lobby' });
    expect(take(rule, { room_id: 'r' })).toMatchObject({ event_type: 'notification', room_id: 'r' });
    expect(take(rule, { Kind: '', room_id: '' })).toMatchObject({
      event_type: 'notification',
      room_id: 'lobby',
    });
    expect(take(rule, { Kind: 'constructor' })).toMatchObject({ event_type: 'constructor' });
    expect(take(rule, { Kind: 'ping' })).toBe('skipped');
  });

  test('flat fields become the members of the payload, each of its kind', () => {
    const rule: IntakeRule = {
      flatPayload: {
        sequenceNumber: 'number',
        price: 'number',
        isScreenshot: 'boolean',
        isRead: 'boolean',
        sender: 'json',
        empty: 'number',
      },
    };
    const { payload: _, ...parts } = event;
    const entry = {
      ...parts,
      content: '17 "quoted" \u00e9',
      sequenceNumber: '12345678901234567890',
      price: '-1.50e3',
      isScreenshot: 'True',
      isRead: '0',
      sender: '{"id": 7}',
      empty: '',
    };
    expect(take(rule, entry)).toEqual({
      ...parts,
      payload:
        '{"content":"17 \\"quoted\\" é","sequenceNumber":12345678901234567890,"price":-1.50e3,"isScreenshot":true,"isRead":false,"sender":{"id": 7}}',
    });
  });

  test.each([
    ['number', '1,5', 'the field value must be a number'],
    ['number', '0x10', 'the field value must be a number'],
    ['number', 'NaN', 'the field value must be a number'],
    ['boolean', 'yes', 'the field value must be a boolean'],
    ['json', '{', 'the field value must be JSON text'],
  ] as const)(
    'a flat field that is no %s (%s) is refused, and the reason does not show it',
    (kind, value, reason) => {
      expect(take({ flatPayload: { value: kind } }, { event_type: 'a', value })).toBe(`layout: ${reason}`);
    },
  );

  test('a field with the name of a member of every object is a field like any other', () => {
    const entry = JSON.parse('{"event_type":"a","room_id":"r","constructor":"c","toString":"t"}') as Record<
      string,
      string
    >;
    expect(take({ flatPayload: true }, entry)).toMatchObject({
      payload: '{"constructor":"c","toString":"t"}',
    });
    expect(take({ fields: { room_id: 'valueOf' } }, entry)).not.toHaveProperty('room_id');
  });
});

describe('one JSON field', () => {
  const rule: IntakeRule = {
    jsonField: 'message',
    fields: {
      event_id: 'meta.id',
      event_type: 'Method',
      timestamp: 'meta.at',
      room_id: 'UserId',
      payload: 'Payload',
    },
  };

  test('the parts of an event are read from members of the object at any depth, and the payload keeps its text', () => {
    const message = `{ "UserId": 42, "Method" : "notification","meta":{"id":"${eventId}","at":"${timestamp}"}, "Payload": {"big": 9007199254740993, "a":"\\u0041"} }`;
    expect(take(rule, { message })).toEqual({
      event_id: eventId,
      event_type: 'notification',
      timestamp,
      room_id: '42',
      payload: '{"big": 9007199254740993, "a":"\\u0041"}',
    });
  });

  test('the members that are not part of the event become the payload', () => {
    const flat: IntakeRule = {
      jsonField: 'message',
      fields: { event_type: 'type' },
      flatPayload: { count: 'number' },
    };
    const message = '{"type":"notification","room_id":"r","title":"Hi","count":"3","tags":[1, 2]}';
    expect(take(flat, { message })).toMatchObject({ payload: '{"title":"Hi","count":3,"tags":[1, 2]}' });
  });

  test('a payload that is null stays null, unless the rule has a default', () => {
    const message = '{"UserId":"7","Method":"notification","Payload":null}';
    expect(take(rule, { message })).toMatchObject({ payload: 'null' });
    const withDefault = { ...rule, fields: { ...rule.fields, payload: { from: 'Payload', default: '[]' } } };
    expect(take(withDefault, { message })).toMatchObject({ payload: '[]' });
  });

  test('a member that is null counts as missing', () => {
    const message = '{"UserId":null,"Method":"notification","meta":null}';
    expect(take(rule, { message })).toEqual({
      event_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      event_type: 'notification',
      timestamp: '2026-01-16T10:00:00.123Z',
    });
  });

  test.each([
    [{}, 'the entry has no field message'],
    [{ message: '' }, 'the field message must be the JSON text of an object'],
    [{ message: '[1]' }, 'the field message must be the JSON text of an object'],
    [{ message: '{"UserId":"secret",}' }, 'the field message must be the JSON text of an object'],
    [{ message: '{"UserId":{"secret":1}}' }, 'the member UserId must be a string, not an object or a list'],
  ])('garbage (%j) is refused with a reason without its values', (fields, reason) => {
    expect(take(rule, fields as Record<string, string>)).toBe(`layout: ${reason}`);
  });
});

describe('defaults of the event', () => {
  test('an entry without an ID has the UUID that is made from stream and entry ID', () => {
    // printf 'events:chat\0001768557600123-4' | sha256sum begins with these digits, before version and variant are set.
    expect(take({}, { event_type: 'a' })).toMatchObject({ event_id: '1ec2b5ac-69d5-48d1-89c2-01c79b3e5f00' });
    expect(take({ eventId: 'entry' }, event)).toMatchObject({
      event_id: '1ec2b5ac-69d5-48d1-89c2-01c79b3e5f00',
    });
  });

  test('an ID that is hashed is the same UUID for the same text, in any entry of the stream', () => {
    const first = take({ eventId: 'hashed' }, { event_id: 'message-17' });
    expect(first).toMatchObject({
      event_id: expect.stringMatching(
        /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/,
      ) as string,
    });
    expect(take({ eventId: 'hashed' }, { event_id: 'message-17', payload: '1' })).toMatchObject({
      ...(first as object),
      payload: '1',
    });
    expect(take({ eventId: 'hashed' }, { event_id: 'message-18' })).not.toEqual(first);
  });

  test.each([
    ['no timestamp', {}, undefined, '2026-01-16T10:00:00.123Z'],
    ['a timestamp with a Z after its offset', {}, '2026-01-16T10:00:00+00:00Z', '2026-01-16T10:00:00+00:00'],
    ['another timestamp', {}, '2026-01-16 10:00', '2026-01-16 10:00'],
    ['milliseconds since 1970', { unit: 'ms' }, '1768557600123', '2026-01-16T10:00:00.123Z'],
    ['seconds since 1970', { unit: 's' }, '1768557600.5', '2026-01-16T10:00:00.500Z'],
  ] as const)('an entry with %s has a timestamp that the catalog accepts', (_, source, text, expected) => {
    const entry = text === undefined ? {} : { timestamp: text };
    expect(take({ fields: { timestamp: source } }, { event_type: 'a', ...entry })).toMatchObject({
      timestamp: expected,
    });
  });

  test('a number that is not a time is refused', () => {
    const rule: IntakeRule = { fields: { timestamp: { unit: 's' } } };
    expect(take(rule, { timestamp: 'today' })).toBe('layout: the timestamp must be a number since 1970');
    expect(take(rule, { timestamp: '9e99' })).toBe('layout: the timestamp must be a number since 1970');
  });
});
