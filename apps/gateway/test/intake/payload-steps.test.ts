// The declared steps change what they name, and nothing else.
import { describe, expect, test } from 'vitest';
import { payloadOf, take } from './take.js';

describe('names in snake_case', () => {
  test.each([
    ['requestId', 'request_id'],
    ['requestID', 'request_id'],
    ['isScreenshot', 'is_screenshot'],
    ['userIDs', 'user_ids'],
    ['urlHTTPServer', 'url_http_server'],
    ['base64Data', 'base64_data'],
    ['already_snake', 'already_snake'],
    ['mixed_caseId', 'mixed_case_id'],
    ['RequestId', 'RequestId'],
    ['first name', 'first name'],
    ['größeMax', 'größeMax'],
  ])('%s becomes %s', (name, expected) => {
    expect(payloadOf({ snakeCase: 'camel' }, `{"${name}":1}`)).toBe(`{"${expected}":1}`);
  });

  test('names that begin with a capital are converted if the rule says so', () => {
    const text = '{"RequestId":{"HTTPServer":1,"first Name":2}}';
    expect(payloadOf({ snakeCase: 'pascal' }, text)).toBe('{"request_id":{"http_server":1,"first Name":2}}');
  });

  test('names change at every depth, and values stay exactly as they were written', () => {
    const before = String.raw`{ "requestId" : "a\"myId\": 1", "listOf":[{"innerName":"isTrue", "n":1.50e3}], "x":"aB" }`;
    const after = String.raw`{ "request_id" : "a\"myId\": 1", "list_of":[{"inner_name":"isTrue", "n":1.50e3}], "x":"aB" }`;
    expect(payloadOf({ snakeCase: 'camel' }, before)).toBe(after);
  });
});

describe('members', () => {
  test('a payload without anything to change keeps its text', () => {
    const rule = {
      rename: { old: 'new' },
      defaults: { present: 1 },
      timestamps: ['at'],
      defaultsFrom: { here: 'room_id' },
    };
    const text = '{ "present" :0, "here":"x",  "at":"2026-01-16T10:00:00Z", "n": 1.0 }';
    expect(payloadOf(rule, text)).toBe(text);
  });

  test('a member is renamed, and gives way to one that has the new name', () => {
    const rule = { rename: { body: 'content', from: 'sender' } };
    expect(payloadOf(rule, '{"body":1.0,"other":2}')).toBe('{"other":2,"content":1.0}');
    expect(payloadOf(rule, '{"body":1,"content":2}')).toBe('{"body":1,"content":2}');
  });

  test('members that are missing or null have their defaults', () => {
    const rule = { defaults: { title: '', tags: [], isRead: false } };
    expect(payloadOf(rule, '{"title":null,"tags":0}')).toBe('{"title":"","tags":0,"isRead":false}');
  });

  test('a default may come from the event or from elsewhere in the payload, and wins over a constant', () => {
    const rule = {
      defaultsFrom: {
        changed_at: 'timestamp',
        request_id: 'room_id',
        by: 'payload.updated.by',
        none: 'payload.no.way',
      },
      defaults: { by: 'nobody', none: 'constant' },
    };
    expect(payloadOf(rule, '{"updated":{"by":"maria"}}')).toBe(
      '{"updated":{"by":"maria"},"changed_at":"2026-01-16T10:00:00.123Z","request_id":"room","by":"maria","none":"constant"}',
    );
  });

  test('a Z after an offset is removed from the members that are timestamps', () => {
    const text = '{"at":"2026-01-16T10:00:00+00:00Z","content":"2026-01-16T10:00:00+00:00Z","n":1}';
    expect(payloadOf({ timestamps: ['at', 'n', 'absent'] }, text)).toBe(
      '{"at":"2026-01-16T10:00:00+00:00","content":"2026-01-16T10:00:00+00:00Z","n":1}',
    );
  });

  test('the steps follow each other: names, renames, defaults, timestamps', () => {
    const rule = {
      snakeCase: 'camel',
      rename: { written_at: 'created_at' },
      defaultsFrom: { shown_at: 'payload.created_at' },
      timestamps: ['created_at', 'shown_at'],
    } as const;
    expect(payloadOf(rule, '{"writtenAt":"2026-01-16T10:00:00+00:00Z"}')).toBe(
      '{"created_at":"2026-01-16T10:00:00+00:00","shown_at":"2026-01-16T10:00:00+00:00"}',
    );
  });

  test('the steps of a type are added to those of all types, and take precedence', () => {
    const rule = {
      rename: { a: 'b', x: 'y' },
      defaults: { title: 'none', kind: 'all' },
      types: { notification: { rename: { a: 'c' }, defaults: { title: 'own' } } },
    };
    expect(payloadOf(rule, '{"a":1,"x":2}')).toBe('{"c":1,"y":2,"title":"own","kind":"all"}');
    expect(take(rule, { event_type: 'other', room_id: 'r', payload: '{"a":1}' })).toMatchObject({
      payload: '{"b":1,"title":"none","kind":"all"}',
    });
  });

  test.each(['[1]', '"text"', '7', 'null'])(
    'a payload that is not an object (%s) has no members to change',
    (text) => {
      expect(payloadOf({ rename: { a: 'b' }, defaults: { c: 1 } }, text)).toBe(text);
    },
  );

  test('a payload that is not JSON is refused instead of being repaired', () => {
    const entry = { event_type: 'notification', room_id: 'r', payload: '{"a":"secret" "b":2,}' };
    expect(take({ rename: { a: 'c' } }, entry)).toBe('payload: the payload must be JSON text');
  });

  test('a deeply nested payload is passed on, so that the catalog can refuse it', () => {
    const deep = `${'{"aB":'.repeat(5_000)}1${'}'.repeat(5_000)}`;
    expect(payloadOf({ snakeCase: 'camel', rename: { x: 'y' } }, deep)).toBe(deep.replaceAll('aB', 'a_b'));
  });
});

describe('rooms', () => {
  test('the room is composed of the entry’s room and members of the payload', () => {
    const rule = { room: 'user:{room_id}', types: { notification: { room: '{org.id}/{user_id}' } } };
    const entry = { room_id: 'r', payload: '{"org":{"id":7},"user_id":"u"}' };
    expect(take(rule, { ...entry, event_type: 'other' })).toMatchObject({ room_id: 'user:r' });
    expect(take(rule, { ...entry, event_type: 'notification' })).toMatchObject({ room_id: '7/u' });
  });

  test('everybody (*) has no room of their own', () => {
    const entry = { event_type: 'a', room_id: '*', payload: '{}' };
    expect(take({ room: 'user:{room_id}' }, entry)).toMatchObject({ room_id: '*' });
  });

  test.each(['{}', '{"user_id":null}', '{"user_id":""}', '{"user_id":{}}', '[]'])(
    'a room whose part is missing (%s) is refused',
    (payload) => {
      expect(take({ room: 'user:{user_id}' }, { event_type: 'a', payload })).toBe(
        'payload: the room user:{user_id} needs user_id, which is not a string or number of the entry',
      );
    },
  );
});
