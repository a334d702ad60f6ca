// Formats dead letters as text for a terminal, and as JSON. Any producer may have written their contents. Therefore the text
// for a terminal shows control characters as escapes. Pure.
import { entryIdMs } from '@millrace/broker';
import type { ShownEnvelope } from '../intake/taken-entry.js';
import type { StreamDeadLetter } from './dead-letter-list.js';

/** Maximum length of a table cell, in characters. The last cell of a row, the reason, may be longer. */
const maxCellChars = 40;
const maxReasonChars = 200;
/** Maximum number of characters that `millrace dead-letters show` prints of one field. With `--json` it prints the whole field. */
const maxFieldChars = 2_000;
/** Latest time that a `Date` can represent, in milliseconds since 1970. */
const maxDateMs = 8.64e15;

/** A dead letter, and the parts of its entry that a table shows. */
interface Row {
  readonly deadLetter: StreamDeadLetter;
  readonly parts: ShownEnvelope;
}

const columns: readonly (readonly [string, (row: Row) => string])[] = [
  ['REJECTED', ({ deadLetter }) => rejectedAt(deadLetter)],
  ['STREAM', ({ deadLetter }) => deadLetter.stream],
  ['ID', ({ deadLetter }) => deadLetter.id],
  ['EVENT', ({ parts }) => parts.event_type ?? ''],
  ['ROOM', ({ parts }) => parts.room_id ?? ''],
];

/**
 * Formats a table: one line per dead letter below a line of titles.
 * @param partsOf returns event type and room of the entry @defaultValue its fields with these names
 */
export function deadLetterTable(
  deadLetters: readonly StreamDeadLetter[],
  partsOf: (deadLetter: StreamDeadLetter) => ShownEnvelope = ({ fields }) => fields,
): string {
  const cells = deadLetters.map((deadLetter) => {
    const row = { deadLetter, parts: partsOf(deadLetter) };
    return columns.map(([, of]) => printable(of(row), maxCellChars));
  });
  const rows = [columns.map(([title]) => title), ...cells];
  const widths = columns.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const last = ['REASON', ...deadLetters.map(({ reason }) => printable(reason, maxReasonChars))];
  const padded = rows.map((row, line) =>
    [...row.map((cell, at) => cell.padEnd(widths[at] ?? 0)), last[line]].join('  '),
  );
  return padded.map((line) => line.trimEnd()).join('\n');
}

/** Formats one dead letter with all its fields. */
export function deadLetterText(deadLetter: StreamDeadLetter): string {
  const facts = [
    ['Dead letter', deadLetter.id],
    ['Stream', deadLetter.stream],
    ['Entry', deadLetter.originId],
    ['Rejected', `${rejectedAt(deadLetter)} by ${deadLetter.rejectedBy}`],
    ['Reason', deadLetter.reason],
    [
      'Replay',
      deadLetter.isRequeueable ? 'possible' : 'not possible: the exact content of the entry is not known',
    ],
  ] as const;
  const fields = Object.entries(deadLetter.fields);
  return [
    ...facts.map(([name, value]) => `${`${name}:`.padEnd(13)}${printable(value, maxFieldChars)}`.trimEnd()),
    fields.length === 0 ? 'Fields:      none that can be read' : 'Fields:',
    ...fields.map(
      ([name, value]) => `  ${printable(name, maxCellChars)}: ${printable(value, maxFieldChars)}`,
    ),
  ].join('\n');
}

/** Formats one dead letter as one line of JSON, with its complete fields. */
export function deadLetterJson(deadLetter: StreamDeadLetter): string {
  return JSON.stringify({
    stream: deadLetter.stream,
    id: deadLetter.id,
    rejected_at: rejectedAt(deadLetter),
    rejected_by: deadLetter.rejectedBy,
    reason: deadLetter.reason,
    origin_id: deadLetter.originId,
    replayable: deadLetter.isRequeueable,
    fields: deadLetter.fields,
  });
}

/** Returns the text as one line. Escapes control characters, and cuts a text longer than `maxChars`. */
export function printable(text: string, maxChars: number): string {
  const rest = text.length - maxChars;
  const shown = rest > 0 ? `${text.slice(0, maxChars)}… (${rest} more characters)` : text;
  return shown.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (char) => {
    const code = (char.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, '0')}`;
  });
}

function rejectedAt({ id }: StreamDeadLetter): string {
  const ms = entryIdMs(id);
  return ms > maxDateMs ? '' : new Date(ms).toISOString();
}
