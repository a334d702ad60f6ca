// The number of issues is limited. Issues are readable, and never contain a value from the event.
import {
  ContractError,
  defineCatalog,
  describeIssue,
  describeIssues,
  eventCatalog,
  MAX_ISSUES,
} from '@millrace/contract';
import { EVENT_ID, eventOf, fullPayloads } from '@millrace/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';

test('an issue is described by a sentence with path, expected value, event type and kind of value', () => {
  const issue = {
    path: '/payload/is_typing',
    rule: 'const',
    expected: 'true',
    actualType: 'boolean',
  } as const;
  expect(describeIssue(issue, 'typing_start')).toBe(
    '/payload/is_typing must be true for typing_start, got boolean',
  );
  expect(describeIssue({ ...issue, path: '', expected: 'an object', actualType: 'undefined' })).toBe(
    'the event must be an object, got nothing',
  );
});

test('the refusal of an undeclared event type lists the declared ones and says where to declare another', () => {
  const event = eventOf('notification', { title: 'Hello' }, { event_type: 'status' });
  expect(() => eventCatalog.assertEvent(event)).toThrow(
    /^\/event_type must be one of chat_message, .*; another type must be declared in the catalog, which publishers and gateways share$/,
  );
});

test('issues are listed in the order of the declared fields, and the result names the event type', () => {
  const result = eventCatalog.parseEvent({ event_type: 'typing_start', payload: { is_typing: 1 } });
  expect(result).toMatchObject({ ok: false, eventType: 'typing_start' });
  expect(result.ok ? [] : result.issues.map((issue) => `${issue.path} ${issue.rule}`)).toEqual([
    '/event_id required',
    '/timestamp required',
    '/room_id required',
    '/payload/user_id required',
    '/payload/username required',
    '/payload/is_typing const',
  ]);
});

test('the refusal of a list with 100,000 wrong items contains only MAX_ISSUES issues', () => {
  const message_ids = Array.from({ length: 100_000 }, () => 'x');
  const recommended = defineCatalog({ ...eventCatalog, openPayloads: 'recommended' });
  const result = recommended.parseEvent(eventOf('read_receipt', { user_id: EVENT_ID, message_ids }));
  expect(result.ok ? [] : result.issues).toHaveLength(MAX_ISSUES);
});

test('no issue and no error message contains a value from the event', () => {
  const secret = 'S3CRET';
  const poisons: unknown[] = [secret, [secret], { [secret]: secret }, { id: secret, username: secret }];
  for (const [type, payload] of Object.entries(fullPayloads)) {
    for (const poison of poisons) {
      const wrong = Object.fromEntries(Object.keys(payload).map((field) => [field, poison]));
      const event = eventOf(type, wrong, {
        event_id: poison,
        timestamp: poison,
        room_id: [poison],
        metadata: poison,
      });
      const result = eventCatalog.parseEvent(event);
      expect(result.ok).toBe(false);
      if (result.ok) continue;
      expect(JSON.stringify(result) + describeIssues(result.issues, type)).not.toContain(secret);
      expect(() => eventCatalog.assertEvent(event)).toThrow(ContractError);
      expect(() => eventCatalog.assertEvent(event)).not.toThrow(secret);
    }
  }
  const broken = eventCatalog.parseEntry({ event_type: secret, payload: secret, metadata: secret });
  expect(JSON.stringify(broken)).not.toContain(secret);
  expect(JSON.stringify(eventCatalog.parseEvent({ event_type: secret }))).not.toContain(secret);
});

test('every refusal of an event has at least one issue', () => {
  const names = eventCatalog.eventTypes.map((type) => type.name);
  const fields = ['event_id', 'timestamp', 'room_id', 'payload', 'metadata'];
  const anything = fc.anything({ maxDepth: 3, withNullPrototype: true, withBigInt: true, withDate: true });
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      fc.dictionary(fc.constantFrom(...fields), anything),
      (type, change) => {
        const result = eventCatalog.parseEvent({ ...eventOf(type), ...change });
        expect(result.ok || result.issues.length > 0).toBe(true);
      },
    ),
  );
});

test('a payload with one replaced field is accepted, or all its issues have paths inside the payload', () => {
  const entries = Object.entries(fullPayloads).flatMap(([type, payload]) =>
    Object.keys(payload).map((field) => [type, field] as const),
  );
  fc.assert(
    fc.property(fc.constantFrom(...entries), fc.anything({ maxDepth: 3 }), ([type, field], value) => {
      const result = eventCatalog.parsePayload(type as 'notification', {
        ...fullPayloads[type],
        [field]: value,
      });
      if (result.ok) return;
      expect(result.issues.length).toBeGreaterThan(0);
      for (const issue of result.issues) expect(issue.path.startsWith(`/payload`)).toBe(true);
    }),
  );
});
