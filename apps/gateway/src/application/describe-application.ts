// Describes what a gateway serves with an application: the event types with their rules, and the other parts. The text is for
// people. Pure.
import { type AnyCatalog, type EventTypeDeclaration, eventCatalog } from '@millrace/contract';
import type { AppAccess } from '../access/app-access.js';
import { describeExamples, runExamples } from '../intake/intake-examples.js';
import { describeView } from '../views/describe-views.js';
import type { AnyView } from '../views/resolved-view.js';
import { type Application, nameOf } from './application.js';

const HEADS = ['event type', 'stream', 'lane', 'coalesced', 'replay', 'too old after'] as const;

/** Returns the description as lines of text. */
export function describeApplication(application: Application<AnyCatalog>): string {
  const { catalog = eventCatalog, intake = {}, isForDevelopment = false } = application;
  const rules = Object.keys(intake);
  const rows = catalog.eventTypes.map(rowOf);
  const streams = catalog.streams.map(
    ({ name, maxLength, retention, group }) =>
      `${name} (${retention === 'observe' ? 'observed: another system trims it' : `about ${maxLength} entries`}${group === undefined ? '' : `, group ${group}`})`,
  );
  return [
    `${nameOf(application)}: valid${isForDevelopment ? ', for development mode only' : ''}`,
    '',
    ...tableOf([[...HEADS], ...rows]),
    '',
    `streams: ${streams.join(', ')}`,
    `event IDs: ${catalog.eventIdRule}; payload and metadata: at most ${catalog.maxEventBytes} bytes`,
    `access: ${accessOf(application.access)}`,
    `routes of its own: ${application.http === undefined ? 'none' : 'yes'}`,
    // The cast is safe: the application was checked.
    ...(application.views ?? []).flatMap((view) => ['', ...describeView(view as unknown as AnyView)]),
    ...(rules.length === 0 ? [] : [`entries of other programs: in ${rules.join(', ')}`]),
    ...describeExamples(runExamples(intake, catalog)),
  ].join('\n');
}

function accessOf({ userOf, mayEnter }: AppAccess = {}): string {
  const user =
    userOf === undefined ? 'the claims `sub` and `name` name the user' : 'userOf(claims) names the user';
  if (typeof mayEnter === 'function') return `${user}; mayEnter(user, room) opens rooms`;
  const claim = '; the claim `rooms` opens rooms';
  return mayEnter === 'claim'
    ? user + claim
    : `${user}${claim}, or the backend of MILLRACE_ACCESS_URL if it is set`;
}

function rowOf(type: EventTypeDeclaration): string[] {
  const { coalescing, replay } = type;
  return [
    type.name,
    type.stream,
    type.lane,
    coalescing === undefined ? 'no' : `${coalescing.windowMs} ms`,
    replay.mode,
    type.maxAgeMs === null ? 'never' : `${type.maxAgeMs / 1_000} s`,
  ];
}

function tableOf(rows: readonly (readonly string[])[]): string[] {
  const widths = HEADS.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
