// Writes the result of a comparison for people, or as JSON. Pure.
import { escapeControls } from '../telemetry/terminal-text.js';
import type { ReasonReport, ShadowReport, StreamReport, TypeReport } from './shadow-report.js';

const HEADS = [
  'entries',
  'same',
  'refused',
  'dropped',
  'skipped',
  'lost',
  'pending',
  'unread',
  'unclear',
] as const;

const VERBS = { refuse: 'refused', drop: 'dropped', skip: 'skipped' } as const;

/** Maximum number of reasons that are printed for a stream. JSON has all of them. */
const MAX_REASONS = 20;

const LEGEND = [
  'same      acknowledged by the other service; Millrace would deliver it too',
  'refused   Millrace would not deliver it, for a reason below',
  'dropped   a repeat, or too old: Millrace would drop it',
  'skipped   the intake rule produces no event for it: Millrace would send it to nobody. Make sure that the other service does not, either',
  'lost      lost today: removed from the stream before the other service read it; Millrace would deliver it',
  'pending   read by the other service, and not acknowledged so far',
  'unread    not read by the other service so far',
  'unclear   removed between two looks, or too many to follow',
  '',
  'Entries are compared by their IDs. To which clients the other service sent them is not compared.',
];

/** Returns the result as text of several lines. */
export function reportText(report: ShadowReport): string {
  const lines = [
    `compared for ${durationText(report.seconds)} with the consumer group ${report.group}`,
    '',
    ...report.streams.flatMap(streamLines),
    ...(report.notCompared.length === 0
      ? []
      : [`not compared, because only Millrace uses these streams: ${report.notCompared.join(', ')}`, '']),
    ...LEGEND,
    '',
    ...report.conditions.map(({ isMet, text }) => `${isMet ? 'ok ' : 'NO '} ${text}`),
    '',
    report.isSafeToSwitch
      ? 'Safe to switch: start gateways, move the clients, stop the other service, and keep its consumer group. docs/side-by-side.md has the commands.'
      : 'Not safe to switch yet: see the lines with NO.',
  ];
  return lines.map((line) => escapeControls(line)).join('\n');
}

/** Returns the result as JSON text. */
export function reportJson(report: ShadowReport): string {
  return JSON.stringify(withSnakeCase(report));
}

function streamLines(stream: StreamReport): readonly string[] {
  const { group, types, reasons } = stream;
  const rows = types.map((type) => [
    type.eventType || '(no type)',
    ...HEADS.map((head) => String(type[head satisfies keyof TypeReport])),
  ]);
  const state = group === null ? 'no such group' : `at ${group.lastDeliveredId}, ${group.pending} pending`;
  return [
    `${stream.stream}: ${stream.entries} entries; group ${state}`,
    ...(rows.length === 0 ? [] : tableOf([['', ...HEADS], ...rows])),
    ...notesOf(stream),
    ...reasons.slice(0, MAX_REASONS).map(reasonLine),
    ...(reasons.length > MAX_REASONS ? [`  and ${reasons.length - MAX_REASONS} more reasons (--json)`] : []),
    '',
  ];
}

function notesOf({ own, missed, restarts, pendingAtStart, pendingLong }: StreamReport): readonly string[] {
  return [
    ...(pendingAtStart > 0 ? [`  ${pendingAtStart} entries were pending before the comparison`] : []),
    ...(pendingLong > 0
      ? [`  ${pendingLong} entries are pending for more than a minute: they are probably lost today`]
      : []),
    ...(own > 0 ? [`  ${own} entries of Millrace itself are not compared`] : []),
    ...(missed > 0 ? [`  ${missed} entries were removed before they could be compared`] : []),
    ...(restarts > 0 ? [`  the stream was deleted or began again ${restarts} times`] : []),
  ];
}

function reasonLine({ kind, eventType, reason, entries, acknowledged, example }: ReasonReport): string {
  const verb = VERBS[kind];
  return `  ${entries} ${verb} (${acknowledged} acknowledged): ${eventType || '(no type)'}: ${reason}, for example ${example}`;
}

function tableOf(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) => {
    const [name = '', ...figures] = row;
    const cells = figures.map((cell, column) => cell.padStart(widths[column + 1] ?? 0));
    return `  ${[name.padEnd(widths[0] ?? 0), ...cells].join('  ')}`;
  });
}

function durationText(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes === 0) return `${Math.round(seconds)} s`;
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** Returns the value with the names of all fields in snake_case. */
function withSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withSnakeCase);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`),
      withSnakeCase(field),
    ]),
  );
}
