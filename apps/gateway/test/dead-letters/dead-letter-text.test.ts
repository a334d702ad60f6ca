// How dead letters look on a terminal, whatever stands in them.
import { expect, it } from 'vitest';
import type { PlacedLetter } from '../../src/dead-letters/dead-letter-list.js';
import { clean, letterJson, letterTable, letterText } from '../../src/dead-letters/dead-letter-text.js';

const letter: PlacedLetter = {
  stream: 'events:chat',
  id: '1768557600000-0',
  originId: '1768557599999-3',
  reason: '/payload/content is missing',
  rejectedBy: 'gateway-1',
  fields: { event_type: 'chat_message', room_id: 'ticket-42', payload: '{"id":1}' },
  isRequeueable: true,
};

it('prints a table whose columns are as wide as they need', () => {
  const other = { ...letter, stream: 'events:notification.p1', fields: {} };
  expect(letterTable([letter, other]).split('\n')).toEqual([
    'REJECTED                  STREAM                  ID               EVENT         ROOM       REASON',
    '2026-01-16T10:00:00.000Z  events:chat             1768557600000-0  chat_message  ticket-42  /payload/content is missing',
    '2026-01-16T10:00:00.000Z  events:notification.p1  1768557600000-0                           /payload/content is missing',
  ]);
});

it('prints one letter with every field', () => {
  expect(letterText(letter).split('\n')).toEqual([
    'Dead letter: 1768557600000-0',
    'Stream:      events:chat',
    'Entry:       1768557599999-3',
    'Rejected:    2026-01-16T10:00:00.000Z by gateway-1',
    'Reason:      /payload/content is missing',
    'Replay:      possible',
    'Fields:',
    '  event_type: chat_message',
    '  room_id: ticket-42',
    '  payload: {"id":1}',
  ]);
  const unreadable = letterText({ ...letter, fields: {}, isRequeueable: false });
  expect(unreadable).toMatch(/^Replay: {6}not possible/m);
  expect(unreadable).toMatch(/^Fields: {6}none/m);
});

it('gives the whole letter as one line of JSON', () => {
  const payload = `\n\u001b[2J${'x'.repeat(100_000)}`;
  const line = letterJson({ ...letter, fields: { payload } });
  expect(line).not.toContain('\n');
  expect(line).not.toContain('\u001b');
  expect(JSON.parse(line)).toEqual({
    stream: 'events:chat',
    id: '1768557600000-0',
    rejected_at: '2026-01-16T10:00:00.000Z',
    rejected_by: 'gateway-1',
    reason: '/payload/content is missing',
    origin_id: '1768557599999-3',
    replayable: true,
    fields: { payload },
  });
});

it.each([
  ['a\nb\r\t', 'a\\u000ab\\u000d\\u0009'],
  ['\u001b[31mred', '\\u001b[31mred'],
  ['\u009b2J', '\\u009b2J'],
  ['\u202egnp.exe', '\\u202egnp.exe'],
  ['\u2028', '\\u2028'],
  ['\u{e0001}', '\\u{e0001}'],
  ['Grüße \u{1f600} 日本', 'Grüße \u{1f600} 日本'],
])('lets no control character through: %j', (text, shown) => {
  expect(clean(text, 99)).toBe(shown);
  const hostile = {
    ...letter,
    reason: text,
    rejectedBy: text,
    originId: text,
    fields: { [text]: text, event_type: text },
  };
  for (const output of [letterTable([hostile]), letterText(hostile)]) {
    expect(output.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(output).toContain(shown);
  }
  expect(letterTable([hostile]).split('\n')).toHaveLength(2);
});

it('cuts what is long, and says how much it left out', () => {
  expect(clean('x'.repeat(12), 10)).toBe(`${'x'.repeat(10)}… (2 more characters)`);
  const big = { ...letter, reason: 'r'.repeat(9_000), fields: { room_id: 'x'.repeat(9_000) } };
  expect(letterTable([big]).length).toBeLessThan(700);
  expect(letterText(big).length).toBeLessThan(5_000);
});

it('shows a letter whose ID is no time that there is', () => {
  const odd = { ...letter, id: '18446744073709551615-1' };
  expect(letterTable([odd])).toContain('18446744073709551615-1');
  expect(letterText(odd)).toContain('Rejected:     by gateway-1');
  expect(JSON.parse(letterJson(odd))).toMatchObject({ rejected_at: '' });
});
