// Flat stream entries as a plain XADD writes them, and as hostile producers may write them.
import { ContractError, defineCatalog, eventCatalog, MAX_NESTING } from '@millrace/contract';
import { EVENT_ID, eventOf, fullPayloads } from '@millrace/testkit';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

const fields = eventCatalog.encodeEntry(eventOf('chat_message'));

function issuesOf(change: Record<string, unknown>): readonly string[] {
  const result = eventCatalog.parseEntry({ ...fields, ...change } as Record<string, string>);
  return result.ok ? [] : result.issues.map((issue) => `${issue.path} ${issue.rule} ${issue.actualType}`);
}

function nested(levels: number): string {
  return `${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}`;
}

test.each(Object.keys(fullPayloads))(
  'an event of type %s stays the same when it is written as an entry and read back',
  (type) => {
    const event = eventOf(type);
    const entry = eventCatalog.encodeEntry(event);
    expect(eventCatalog.parseEntry(entry)).toEqual({
      ok: true,
      value: {
        event,
        declaration: eventCatalog.find(type),
        timestampText: event.timestamp,
        payloadText: JSON.stringify(event.payload),
        metadataText: JSON.stringify(event.metadata),
      },
    });
  },
);

test('the payload and metadata texts of an entry are kept exactly as they were written', () => {
  const payload = ` { "type" : "a",\n"title":"\\u00e9", "x": 1.0, "title": "b" } `;
  const metadata = '{ "trace_id" : null }';
  const result = eventCatalog.parseEntry({ ...fields, event_type: 'notification', payload, metadata });
  expect(result).toMatchObject({
    ok: true,
    value: {
      payloadText: payload,
      metadataText: metadata,
      event: { payload: { type: 'a', title: 'b', x: 1 } },
    },
  });
});

test.each(['', 'null', undefined])(
  'an entry whose field “metadata” is %j is read as an event without metadata',
  (metadata) => {
    const { metadata: _, ...others } = fields;
    const result = eventCatalog.parseEntry(metadata === undefined ? others : { ...others, metadata });
    expect(result.ok && 'metadataText' in result.value).toBe(false);
    expect(result.ok && result.value.event.metadata).toBeUndefined();
  },
);

test('the entry of an event without metadata has no field “metadata”', () => {
  const { metadata: _, ...event } = eventOf('notification');
  expect(Object.keys(eventCatalog.encodeEntry(event))).toEqual([
    'event_id',
    'event_type',
    'timestamp',
    'room_id',
    'payload',
  ]);
  expect(eventCatalog.encodeEntry({ ...event, metadata: null })).toEqual(eventCatalog.encodeEntry(event));
});

test.each([
  [{ payload: '{' }, '/payload json string'],
  [{ payload: '' }, '/payload json string'],
  [{ payload: undefined }, '/payload required undefined'],
  [{ payload: {} }, '/payload type object'],
  [{ payload: '"text"' }, '/payload type string'],
  [{ payload: '[]' }, '/payload type array'],
  [{ payload: 'null' }, '/payload type null'],
  [{ payload: '\ufeff{}' }, '/payload json string'],
  [{ metadata: '{' }, '/metadata json string'],
  [{ metadata: '[]' }, '/metadata type array'],
  [{ metadata: 5 }, '/metadata type number'],
  [{ event_id: undefined }, '/event_id required undefined'],
  [{ event_type: 'nope' }, '/event_type event-type string'],
  [{ event_type: undefined }, '/event_type required undefined'],
  [{ room_id: 7 }, '/room_id type number'],
])('an entry with the fields %j is refused', (change, issue) => {
  expect(issuesOf(change)).toContain(issue);
});

test('extra fields of an entry are ignored, and its event ID is converted to lower case', () => {
  const result = eventCatalog.parseEntry({ ...fields, event_id: EVENT_ID.toUpperCase(), other: '{broken' });
  expect(result).toMatchObject({ ok: true, value: { event: eventOf('chat_message') } });
});

const high = '\\ud83d';
const low = '\\ude00';

test.each([
  ['{"__proto__":{"a":1}}', '/payload/__proto__ fieldName object'],
  ['{"a":[{"b":{"__proto__":null}}]}', '/payload/a/0/b/__proto__ fieldName null'],
  ['{"\\u005f_proto__":1}', '/payload/__proto__ fieldName number'],
  [`{"a":"x${high}"}`, '/payload/a wellFormed string'],
  [`{"a":["${low}"]}`, '/payload/a/0 wellFormed string'],
  [`{"a":"${low}${high}"}`, '/payload/a wellFormed string'],
  [`{"a${high}":1}`, '/payload/a\ufffd fieldName number'],
])(
  'a payload that some client cannot read is refused with the path of the unreadable value: %s',
  (payload, issue) => {
    expect(issuesOf({ event_type: 'notification', payload })).toEqual([issue]);
    expect(issuesOf({ metadata: payload })).toEqual([issue.replace('/payload', '/metadata')]);
    const event = { ...eventOf('notification'), payload: JSON.parse(payload) as unknown };
    expect(eventCatalog.parseEvent(event)).toMatchObject({ ok: false });
  },
);

test.each([
  ['{"a":"\\ud800","a":1}', 'wellFormed'],
  ['{"a":{"\\uDC00":1},"a":"\\ud83d\\ude00"}', 'wellFormed'],
  ['{"a":"\\ud83d\\\\ude00","a":1}', 'wellFormed'],
  [`{"a":${nested(59)},"a":1}`, 'maxNesting'],
  [`{"a":${nested(100)},"\\u0061":"{[["}`, 'maxNesting'],
])('a payload is refused if a repeated name hides an unreadable value: %s', (payload, rule) => {
  expect(issuesOf({ event_type: 'notification', payload })).toEqual([`/payload ${rule} object`]);
  expect(issuesOf({ metadata: payload })).toEqual([`/metadata ${rule} object`]);
});

test.each([
  '{"a":"\\ud83d\\ude00"}',
  '{"a":"\\\\ud800\\u00e9\\uD83D\\uDE00"}',
  `{"a":${nested(58)},"a":"${'{['.repeat(100)}"}`,
  '{"constructor":{"prototype":1}}',
  '{"":{"":0}}',
  '{"proto":"__proto__"}',
])('a payload that only looks unreadable is accepted: %s', (payload) => {
  expect(issuesOf({ event_type: 'notification', payload })).toEqual([]);
});

test('the path to an unreadable value is cut after 256 characters', () => {
  const payload = JSON.stringify({ ['k'.repeat(300)]: { x: 1 } }).replace('"x"', '"__proto__"');
  const [issue = ''] = issuesOf({ event_type: 'notification', payload });
  expect(issue).toBe(`/payload/${'k'.repeat(247)}… fieldName number`);
});

test('a value whose toJSON returns an unreadable value is refused when it is encoded', () => {
  const unreadable = [
    { toJSON: () => JSON.parse('{"__proto__":1}') as unknown },
    { a: { toJSON: () => '\ud800' } },
    { a: { toJSON: () => JSON.parse(nested(60)) as unknown } },
  ];
  for (const payload of unreadable)
    expect(() => eventCatalog.encodeEntry({ ...eventOf('notification'), payload })).toThrow(
      expect.objectContaining({ code: 'unencodable_event' }),
    );
  const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`{[${at}`, [{}]]));
  expect(() => eventCatalog.encodeEntry({ ...eventOf('notification'), payload: many })).not.toThrow();
});

test.each([
  [{ n: Number.NaN }, '/n'],
  [{ a: [{ 'b/c': Number.NEGATIVE_INFINITY }] }, '/a/0/b~1c'],
])(
  'a payload with a number that JSON cannot express is refused, and not encoded as null: %s',
  (payload, path) => {
    const refuse = expect.objectContaining({
      code: 'unencodable_event',
      message: `/payload${path} must be a finite number, got number`,
    });
    expect(() => eventCatalog.encodeEntry({ ...eventOf('notification'), payload })).toThrow(refuse);
  },
);

describe('an event from JSON text', () => {
  const event = { ...eventOf('notification'), timestamp: '2026-11-28 14:50' };
  const text = (payload: string, metadata: string): string => {
    const { payload: _, metadata: __, ...envelope } = event;
    const members = JSON.stringify(envelope).slice(1, -1);
    return ` {"payload": 1, ${members} ,"pay\\u006coad"\n:\t${payload} ,"metadata":${metadata}\r\n}`;
  };

  test.each([
    ['{"n" :9007199254740993,\r"x":[1.10, 1e400]}', '{"trace_id":null , "n":-0}'],
    ['{ }', '{}'],
  ])(
    'an event from JSON text keeps the payload %s and the metadata %s as they were written',
    (payload, metadata) => {
      const body = text(payload, metadata);
      const parsed = eventCatalog.parseWritten(JSON.parse(body), body);
      expect(parsed).toMatchObject({
        ok: true,
        value: {
          event: { event_id: event.event_id, payload: JSON.parse(payload) as unknown },
          timestampText: '2026-11-28 14:50',
          payloadText: payload,
          metadataText: metadata,
        },
      });
      if (!parsed.ok) return;
      const entry = eventCatalog.encodeEntry(parsed.value.event, parsed.value);
      expect(entry).toMatchObject({ timestamp: '2026-11-28 14:50', payload, metadata });
      expect(eventCatalog.parseEntry(entry)).toEqual(parsed);
    },
  );

  test('an event whose JSON text contains “metadata: null” is read as an event without metadata', () => {
    const parsed = eventCatalog.parseWritten(JSON.parse(text('{}', 'null')), text('{}', 'null'));
    expect(parsed.ok && 'metadataText' in parsed.value).toBe(false);
  });

  test.each(['null', '7', '"{}"', '[{"payload":{}}]', '{}', '{"payload":{}}'])(
    'the JSON text %s is not accepted as an event',
    (body) => {
      expect(eventCatalog.parseWritten(JSON.parse(body), body).ok).toBe(false);
    },
  );

  test('the size limit of an event counts the white space in its JSON text', () => {
    const wide = (type: string, bytes: number): boolean => {
      const payload = JSON.stringify(eventOf(type).payload);
      const body = JSON.stringify({ ...eventOf(type), payload: 0, metadata: null });
      const filled = body.replace(
        '"payload":0',
        () => `"payload":{${' '.repeat(bytes - payload.length)}${payload.slice(1)}`,
      );
      return eventCatalog.parseWritten(JSON.parse(filled), filled).ok;
    };
    expect([wide('status_change', 262_140), wide('status_change', 262_141)]).toEqual([true, false]);
  });
});

test('a data field named __proto__ does not change other objects', () => {
  const payload = '{"type":"a","title":"b","__proto__":{"polluted":true}}';
  eventCatalog.parseEntry({ ...fields, event_type: 'notification', payload });
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  // A field that only the prototype has is treated as missing.
  expect(issuesOf({ payload: '{"__proto__":{"id":"x","content":"y"}}' })).toContain(
    '/payload/id required undefined',
  );
});

test('the nesting of a payload is limited to 59 levels, even for a payload of 100,000 levels', () => {
  const at = (levels: number): Record<string, string> => ({
    event_type: 'notification',
    payload: `{"type":"a","title":"b","x":${nested(levels - 1)}}`,
  });
  expect(issuesOf(at(MAX_NESTING))).toEqual([]);
  const path = (root: string): string => `/${root}/x${'/a'.repeat(MAX_NESTING - 1)} maxNesting object`;
  expect(MAX_NESTING).toBe(59);
  expect(issuesOf(at(MAX_NESTING + 1))).toEqual([path('payload')]);
  expect(issuesOf(at(40_000))).toEqual([path('payload')]);
  expect(issuesOf({ metadata: `{"x":${nested(MAX_NESTING)}}` })).toEqual([path('metadata')]);
  expect(issuesOf({ payload: `${'['.repeat(100_000)}${']'.repeat(100_000)}` })).toContain(
    '/payload type array',
  );
});

test('a payload that JSON cannot represent is refused with the code unencodable_event', () => {
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  const refuse = expect.objectContaining({ code: 'unencodable_event' });
  for (const payload of [cycle, { big: 1n }, undefined, () => 1, { toJSON: () => undefined }]) {
    expect(() => eventCatalog.encodeEntry({ ...eventOf('notification'), payload })).toThrow(refuse);
    expect(() => eventCatalog.encodeEntry({ ...eventOf('notification'), payload })).toThrow(ContractError);
  }
});

test('parseEntry never throws for any texts in the fields of an entry', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.constantFrom('', 'null', '{}', '[]', '{"a":'),
  );
  const record = fc.record(
    {
      event_id: text,
      event_type: fc.oneof(text, fc.constant('chat_message')),
      timestamp: text,
      room_id: text,
      payload: text,
      metadata: text,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(record, (entry) => {
      const result = eventCatalog.parseEntry(entry);
      expect(result.ok ? 1 : result.issues.length).toBeGreaterThan(0);
    }),
  );
});

const overhead = JSON.stringify({ type: 'info', title: '' }).length;

test.each([
  ['plain text', 'x'.repeat(262_144 - overhead), true],
  ['plain text, one byte more', 'x'.repeat(262_145 - overhead), false],
  ['text of two bytes a character', 'ü'.repeat(131_072), false],
])('the size limit counts bytes, not characters: %s', (_, title, fits) => {
  const event = { ...eventOf('notification'), payload: { type: 'info', title }, metadata: null };
  if (fits) {
    expect(eventCatalog.parseEntry(eventCatalog.encodeEntry(event)).ok).toBe(true);
    return;
  }
  expect(() => eventCatalog.encodeEntry(event)).toThrow(/payload must be at most 262144 bytes of JSON/);
  const payload = JSON.stringify(event.payload);
  const parsed = eventCatalog.parseEntry({ ...fields, event_type: 'notification', payload });
  expect(parsed.ok ? [] : parsed.issues.map(({ path, rule }) => `${path} ${rule}`)).toEqual([
    '/payload maxBytes',
  ]);
});

test('a catalog can set its own size limit', () => {
  const small = defineCatalog({ ...eventCatalog, maxEventBytes: 10 });
  expect(() => small.encodeEntry(eventOf('notification'))).toThrow(ContractError);
  expect(small.parseEntry(fields).ok).toBe(false);
});
