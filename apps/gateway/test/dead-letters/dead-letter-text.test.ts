// Dead letters on a terminal, whatever they contain.
import { expect, it } from 'vitest';
import type { StreamDeadLetter } from '../../src/dead-letters/dead-letter-list.js';
import {
  deadLetterJson,
  deadLetterTable,
  deadLetterText,
  printable,
} from '../../src/dead-letters/dead-letter-text.js';

const deadLetter: StreamDeadLetter = {
  stream: 'events:chat',
  id: '1768557600000-0',
  originId: '1768557599999-3',
  reason: '/payload/content is missing',
  rejectedBy: 'gateway-1',
  fields: { event_type: 'chat_message', room_id: 'ticket-42', payload: '{"id":1}' },
  isRequeueable: true,
};

it('each column of the table is as wide as its longest cell', () => {
  const other = { ...deadLetter, stream: 'events:notification.p1', fields: {} };
  expect(deadLetterTable([deadLetter, other]).split('\n')).toEqual([
    'REJECTED                  STREAM                  ID               EVENT         ROOM       REASON',
    '2026-01-16T10:00:00.000Z  events:chat             1768557600000-0  chat_message  ticket-42  /payload/content is missing',
    '2026-01-16T10:00:00.000Z  events:notification.p1  1768557600000-0                           /payload/content is missing',
  ]);
});

it('the text of a dead letter contains every field', () => {
  expect(deadLetterText(deadLetter).split('\n')).toEqual([
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
  const unreadable = deadLetterText({ ...deadLetter, fields: {}, isRequeueable: false });
  expect(unreadable).toMatch(/^Replay: {6}not possible/m);
  expect(unreadable).toMatch(/^Fields: {6}none/m);
});

it('the JSON of a dead letter is one line and contains the complete dead letter', () => {
  const payload = `\n\u001b[2J${'x'.repeat(100_000)}`;
  const line = deadLetterJson({ ...deadLetter, fields: { payload } });
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
])('the text %j is printed without control characters', (text, shown) => {
  expect(printable(text, 99)).toBe(shown);
  const hostile = {
    ...deadLetter,
    reason: text,
    rejectedBy: text,
    originId: text,
    fields: { [text]: text, event_type: text },
  };
  for (const output of [deadLetterTable([hostile]), deadLetterText(hostile)]) {
    expect(output.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(output).toContain(shown);
  }
  expect(deadLetterTable([hostile]).split('\n')).toHaveLength(2);
});

it('a long text is cut, and the number of omitted characters is printed', () => {
  expect(printable('x'.repeat(12), 10)).toBe(`${'x'.repeat(10)}… (2 more characters)`);
  const big = { ...deadLetter, reason: 'r'.repeat(9_000), fields: { room_id: 'x'.repeat(9_000) } };
  expect(deadLetterTable([big]).length).toBeLessThan(700);
  expect(deadLetterText(big).length).toBeLessThan(5_000);
});

it('a dead letter is shown even if its ID contains no valid time', () => {
  const odd = { ...deadLetter, id: '18446744073709551615-1' };
  expect(deadLetterTable([odd])).toContain('18446744073709551615-1');
  expect(deadLetterText(odd)).toContain('Rejected:     by gateway-1');
  expect(JSON.parse(deadLetterJson(odd))).toMatchObject({ rejected_at: '' });
});
