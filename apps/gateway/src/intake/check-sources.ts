// Checks that the parts of a rule fit together: the places of the envelope's parts, and constants that no event may have. Such a fault
// would make every entry a dead letter, or have no effect. Pure.
import { type AnyCatalog, isRoomId, normalizeTimestamp } from '@millrace/contract';
import { nearestName, shown } from '@millrace/internal';
import { isJsonText } from './layout.js';
import type { EnvelopePart, IntakeRule, PartSource, PayloadSteps } from './rule.js';

type Refuse = (fault: string) => Error;

/** The options of a place that only some parts have. */
const OPTIONS: Readonly<Record<'values' | 'default' | 'unit', readonly EnvelopePart[]>> = {
  values: ['event_id', 'event_type', 'timestamp', 'room_id'],
  // A constant ID would make every entry but the first a repeat.
  default: ['event_type', 'timestamp', 'room_id', 'payload', 'metadata'],
  unit: ['timestamp'],
};

/**
 * Checks a rule whose parts have the right types.
 * @throws the error of `refuse`
 */
export function checkSources(rule: IntakeRule, path: string, catalog: AnyCatalog, refuse: Refuse): void {
  const { fields = {}, flatPayload, map } = rule;
  for (const [part, source] of Object.entries(fields) as [EnvelopePart, string | PartSource | undefined][])
    if (typeof source === 'object') checkOptionsOf(source, { part, path: `${path}.fields.${part}` }, refuse);
  if (flatPayload !== undefined && fields.payload !== undefined)
    throw refuse(
      `${path}.fields.payload has no effect with flatPayload, which makes the payload of all other fields: leave one of them out`,
    );
  // `map` may replace what is wrong.
  if (map === undefined) checkConstants(rule, path, catalog, refuse);
}

function checkOptionsOf(
  source: PartSource,
  { part, path }: { readonly part: EnvelopePart; readonly path: string },
  refuse: Refuse,
): void {
  for (const [option, parts] of Object.entries(OPTIONS)) {
    if (Reflect.get(source, option) === undefined || parts.includes(part)) continue;
    throw refuse(`${path}.${option} must be left out: only ${parts.join(', ')} may have it`);
  }
  const isJsonPart = part === 'payload' || part === 'metadata';
  if (isJsonPart && source.default !== undefined && !isJsonText(source.default))
    throw refuse(`${path}.default must be JSON text, not ${shown(source.default)}`);
}

/** Checks the values that the rule itself gives to events. */
function checkConstants(rule: IntakeRule, path: string, catalog: AnyCatalog, refuse: Refuse): void {
  const { event_type: type, timestamp: time, room_id: room } = rule.fields ?? {};
  for (const [place, name] of constantsOf(type)) {
    if (catalog.find(name) !== undefined) continue;
    const names = catalog.eventTypes.map((known) => known.name);
    const nearest = nearestName(name, names);
    const remedy = nearest === undefined ? `there are ${names.join(', ')}` : `did you mean ${nearest}?`;
    throw refuse(
      `${path}.fields.event_type.${place} is not an event type of the catalog (${shown(name)}): ${remedy}`,
    );
  }
  const isNumber = typeof time === 'object' && time.unit !== undefined;
  for (const [place, value] of constantsOf(time))
    if (isNumber ? Number.isNaN(Number(value)) : normalizeTimestamp(value) === undefined)
      throw refuse(
        `${path}.fields.timestamp.${place} must be ${isNumber ? 'a number' : 'an ISO 8601 date-time'}, not ${shown(value)}: without it, an entry has the time of its entry ID`,
      );
  if ([rule, ...Object.values(rule.types ?? {})].some((steps?: PayloadSteps) => steps?.room !== undefined))
    return;
  for (const [place, value] of constantsOf(room))
    if (!isRoomId(value))
      throw refuse(`${path}.fields.room_id.${place} must be a room ID, not ${shown(value)}`);
}

/** The values that a place can give to a part, with the names of their options. `values` replaces the default as well. */
function constantsOf(source: string | PartSource | undefined): readonly (readonly [string, string])[] {
  if (typeof source !== 'object') return [];
  const values = Object.entries(source.values ?? {}).flatMap(([from, to]) =>
    to === null ? [] : [[`values[${JSON.stringify(from)}]`, to] as const],
  );
  const isReplaced = Object.hasOwn(source.values ?? {}, source.default ?? '');
  return source.default === undefined || isReplaced ? values : [...values, ['default', source.default]];
}
