// Dead letters as text for a terminal, and as JSON. What stands in a letter was written by anybody: no control character of
// it reaches the terminal. Pure.
import { entryIdMs } from '@millrace/broker';
import type { PlacedLetter } from './dead-letter-list.js';

/** Longest cell of the table, in characters; the reason, which comes last, may be longer. */
const maxCellChars = 40;
const maxReasonChars = 200;
/** Most characters of one field that `show` prints; the whole is in its JSON. */
const maxFieldChars = 2_000;
/** What `Date` can hold. */
const maxDateMs = 8.64e15;

const columns: readonly (readonly [string, (letter: PlacedLetter) => string])[] = [
  ['REJECTED', rejectedAt],
  ['STREAM', ({ stream }) => stream],
  ['ID', ({ id }) => id],
  ['EVENT', ({ fields }) => fields['event_type'] ?? ''],
  ['ROOM', ({ fields }) => fields['room_id'] ?? ''],
];

/** One line per letter under a line of titles, in columns. */
export function letterTable(letters: readonly PlacedLetter[]): string {
  const cells = letters.map((letter) => columns.map(([, of]) => clean(of(letter), maxCellChars)));
  const rows = [columns.map(([title]) => title), ...cells];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const last = ['REASON', ...letters.map(({ reason }) => clean(reason, maxReasonChars))];
  const padded = rows.map((row, line) =>
    [...row.map((cell, at) => cell.padEnd(widths[at] ?? 0)), last[line]].join('  '),
  );
  return padded.map((line) => line.trimEnd()).join('\n');
}

/** Everything about one letter. */
export function letterText(letter: PlacedLetter): string {
  const facts = [
    ['Dead letter', letter.id],
    ['Stream', letter.stream],
    ['Entry', letter.originId],
    ['Rejected', `${rejectedAt(letter)} by ${letter.rejectedBy}`],
    ['Reason', letter.reason],
    ['Replay', letter.isRequeueable ? 'possible' : 'not possible: what the entry held is not known exactly'],
  ] as const;
  const fields = Object.entries(letter.fields);
  return [
    ...facts.map(([name, value]) => `${`${name}:`.padEnd(13)}${clean(value, maxFieldChars)}`.trimEnd()),
    fields.length === 0 ? 'Fields:      none that can be read' : 'Fields:',
    ...fields.map(([name, value]) => `  ${clean(name, maxCellChars)}: ${clean(value, maxFieldChars)}`),
  ].join('\n');
}

/** One letter as one line of JSON, whole. */
export function letterJson(letter: PlacedLetter): string {
  return JSON.stringify({
    stream: letter.stream,
    id: letter.id,
    rejected_at: rejectedAt(letter),
    rejected_by: letter.rejectedBy,
    reason: letter.reason,
    origin_id: letter.originId,
    replayable: letter.isRequeueable,
    fields: letter.fields,
  });
}

/** The text in one line, without control characters, at most so long. */
export function clean(text: string, maxChars: number): string {
  const rest = text.length - maxChars;
  const shown = rest > 0 ? `${text.slice(0, maxChars)}… (${rest} more characters)` : text;
  return shown.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

function rejectedAt({ id }: PlacedLetter): string {
  const ms = entryIdMs(id);
  return ms > maxDateMs ? '' : new Date(ms).toISOString();
}
