// Checks every field of every payload: present, absent, null, of a wrong type, and in a wrong format.
import { type AnyCatalog, defineCatalog, eventCatalog } from '@millrace/contract';
import { eventOf, fullPayloads, optionalFields, UUID, UUID_V1 } from '@millrace/testkit';
import { describe, expect, test } from 'vitest';

const recommended = defineCatalog({ ...eventCatalog, openPayloads: 'recommended' });

function issuesOf(type: string, payload: unknown, catalog: AnyCatalog = recommended): readonly string[] {
  const result = catalog.parseEvent(eventOf(type, payload));
  return result.ok ? [] : result.issues.map((issue) => `${issue.path} ${issue.rule} ${issue.actualType}`);
}

test('every event type of the catalog has a full sample payload', () => {
  expect(Object.keys(fullPayloads)).toEqual(eventCatalog.eventTypes.map((type) => type.name));
});

describe.each(Object.entries(fullPayloads))('%s', (type, payload) => {
  const optional = optionalFields[type] ?? [];

  test('a full payload with extra fields is accepted, and the extra fields are kept', () => {
    const extended = { ...payload, extra: { nested: ['ü', null] } };
    const event = eventOf(type, extended, { extra: 1 });
    expect(eventCatalog.parseEvent(event)).toEqual({ ok: true, value: event });
  });

  test.each(Object.keys(payload))(
    'the payload field %s is checked when it is absent, null or of a wrong type',
    (field) => {
      const { [field]: value, ...absent } = payload;
      const mayBeNull = optional.includes(field) || (type === 'assignment_change' && field === 'assignee_id');
      expect(issuesOf(type, absent)).toEqual(
        optional.includes(field) ? [] : [`/payload/${field} required undefined`],
      );
      const nullIssues = issuesOf(type, { ...payload, [field]: null });
      if (mayBeNull) expect(nullIssues).toEqual([]);
      else expect(nullIssues).toEqual([expect.stringMatching(`^/payload/${field} (type|const|enum) null$`)]);
      const wrong = typeof value === 'string' ? 7 : 'text';
      expect(issuesOf(type, { ...payload, [field]: wrong })).toEqual([
        expect.stringMatching(`^/payload/${field} (type|const|enum) ${typeof wrong}$`),
      ]);
    },
  );
});

test.each([
  ['chat_message', { id: 'x' }, '/payload/id format:uuid string'],
  ['chat_message', { id: `${UUID}0` }, '/payload/id format:uuid string'],
  ['chat_message', { request_id: `{${UUID}}` }, '/payload/request_id format:uuid string'],
  ['chat_message', { sender_id: '' }, '/payload/sender_id format:uuid string'],
  ['chat_message', { sender: {} }, '/payload/sender/id required undefined'],
  ['chat_message', { sender: { id: UUID } }, '/payload/sender/username required undefined'],
  ['chat_message', { sender: { id: 'x', username: 'a' } }, '/payload/sender/id format:uuid string'],
  ['chat_message', { sender: { id: UUID, username: 'a', email: 1 } }, '/payload/sender/email type number'],
  ['chat_message', { sender: [] }, '/payload/sender type array'],
  ['chat_message', { sequence_number: 1.5 }, '/payload/sequence_number type number'],
  ['chat_message', { sequence_number: Number.NaN }, '/payload/sequence_number type number'],
  ['chat_message', { sequence_number: Number.POSITIVE_INFINITY }, '/payload/sequence_number type number'],
  ['chat_message', { created_at: '2026-01-16' }, '/payload/created_at format:date-time string'],
  ['typing_start', { is_typing: false }, '/payload/is_typing const boolean'],
  ['typing_stop', { is_typing: true }, '/payload/is_typing const boolean'],
  ['typing_start', { user_id: 'ada' }, '/payload/user_id format:uuid string'],
  ['read_receipt', { message_ids: [] }, '/payload/message_ids minItems array'],
  ['read_receipt', { message_ids: [UUID, 'x'] }, '/payload/message_ids/1 format:uuid string'],
  ['read_receipt', { message_ids: { 0: UUID } }, '/payload/message_ids type object'],
  ['status_change', { changed_at: '2026-02-30T12:00:00Z' }, '/payload/changed_at format:date-time string'],
  ['assignment_change', { assignee_id: 'ada' }, '/payload/assignee_id format:uuid string'],
  ['remote_session_start', { mode: 'watch' }, '/payload/mode enum string'],
])(
  'an event of type %s with the payload fields %j is refused, and an issue names the invalid field',
  (type, change, issue) => {
    expect(issuesOf(type, { ...fullPayloads[type], ...change })).toContain(issue);
  },
);

test.each([
  ['chat_message', { id: UUID_V1, request_id: UUID.toUpperCase() }],
  [
    'chat_message',
    { id: 'ffffffff-ffff-ffff-ffff-ffffffffffff', request_id: '00000000-0000-0000-0000-000000000000' },
  ],
  ['chat_message', { sequence_number: Number.MAX_SAFE_INTEGER, content: '' }],
  ['chat_message', { sequence_number: 0 }],
  ['chat_message', { sequence_number: -1 }],
  ['chat_message', { sequence_number: 2 ** 53 }],
  ['chat_message', { created_at: '2026-01-16 12:00:00' }],
  ['chat_message', { sender: { id: UUID, username: '', full_name: null, email: null } }],
  ['chat_message', { sender: undefined }],
  ['remote_session_end', { mode: 'control', reason: '' }],
])('an event of type %s with the payload fields %j is accepted', (type, change) => {
  expect(issuesOf(type, { ...fullPayloads[type], ...change })).toEqual([]);
});

test.each([null, undefined, 'text', 1, [], true])(
  'a notification with the payload %j is refused',
  (payload) => {
    const event = { ...eventOf('notification'), payload };
    expect(eventCatalog.parseEvent(event)).toMatchObject({ ok: false, issues: [{ path: '/payload' }] });
  },
);

describe('payloads that the data model leaves open', () => {
  const uuid = UUID;
  const open: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['notification', { message: 'Ticket updated' }],
    ['notification', { title: 7, type: null }],
    ['assignment_change', { request_id: uuid, updatedFields: ['technician'], updatedBy: 'maria' }],
    ['remote_session_start', { sessionId: uuid, agentId: uuid }],
    ['remote_session_end', { session_id: uuid, requester_id: uuid }],
    ['read_receipt', { userId: uuid, messageIds: [uuid] }],
    ['read_receipt', { user_id: 7, message_ids: 'none' }],
    ...[
      'notification',
      'assignment_change',
      'remote_session_start',
      'remote_session_end',
      'read_receipt',
    ].map((type) => [type, {}] as const),
    ['chat_message', { ...fullPayloads.chat_message, sender: { name: 'Ada', id: 7 } }],
    ['chat_message', { ...fullPayloads.chat_message, sender: {} }],
  ];

  test.each(open)('the default catalog accepts an event of type %s with the payload %j', (type, payload) => {
    expect(issuesOf(type, payload, eventCatalog)).toEqual([]);
    expect(issuesOf(type, payload)).not.toEqual([]);
  });

  const closed: readonly (readonly [string, unknown])[] = [
    ['notification', []],
    ['notification', 'text'],
    ['chat_message', { ...fullPayloads.chat_message, sender: 'Ada' }],
    ['chat_message', { id: uuid, requestId: uuid, content: '', sequenceNumber: 1, isScreenshot: false }],
    ['typing_start', { userId: uuid, username: 'ada', isTyping: true }],
    ['status_change', { requestId: uuid, oldStatus: 'a', newStatus: 'b', changedBy: 'c' }],
  ];

  test.each(closed)(
    'the default catalog refuses an event of type %s with the payload %j',
    (type, payload) => {
      expect(issuesOf(type, payload, eventCatalog)).not.toEqual([]);
    },
  );

  test('a receipt with the recommended fields has the user’s ID as its key, and a receipt without them has no key', () => {
    const declaration = eventCatalog.find('read_receipt');
    const keysOf = (payload: unknown): unknown => [
      declaration?.coalescing?.key(payload as never),
      declaration?.replay.mode === 'latest' && declaration.replay.key(payload as never),
    ];
    const known = { user_id: UUID.toUpperCase(), message_ids: [UUID_V1] };
    expect(keysOf(known)).toEqual([UUID, UUID]);
    expect(keysOf({ ...known, read_at: 'now' })).toEqual([UUID, UUID]);
    for (const change of [
      { user_id: 'ada' },
      { user_id: undefined },
      { message_ids: [] },
      { message_ids: [7] },
      { message_ids: UUID },
      { message_ids: undefined },
    ])
      expect(keysOf({ ...known, ...change })).toEqual([undefined, undefined]);
  });
});

test('parsePayload reports the same paths of issues as parseEvent', () => {
  expect(eventCatalog.parsePayload('typing_start', fullPayloads.typing_start)).toEqual({
    ok: true,
    value: fullPayloads.typing_start,
  });
  expect(
    eventCatalog.parsePayload('typing_start', { ...fullPayloads.typing_start, is_typing: false }),
  ).toEqual({
    ok: false,
    eventType: 'typing_start',
    issues: [{ path: '/payload/is_typing', rule: 'const', expected: 'true', actualType: 'boolean' }],
  });
});
