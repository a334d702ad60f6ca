// The declared steps that change a payload and choose the room. They work on the JSON text of the members, so that a value that no
// step changes stays exactly as it was written. Pure.
import { memberTexts } from '@millrace/contract';
import { textAt } from './layout.js';
import { IntakeRefusal } from './refusal.js';
import { DEFAULT_SOURCES, type PayloadSteps } from './rule.js';
import { withSnakeCaseNames } from './snake-case.js';

/** The parts of the event from which steps take values. */
export type StepContext = { readonly [Part in (typeof DEFAULT_SOURCES)[number]]: string | undefined } & {
  /** The part of the stream's name for which `*` stands in a pattern. */
  readonly matched?: string | undefined;
};

/** A payload and a room after the steps. */
export interface SteppedPayload {
  readonly payload: string | undefined;
  readonly roomId: string | undefined;
}

/** Does the steps. @throws IntakeRefusal */
export type CompiledSteps = (payload: string | undefined, context: StepContext) => SteppedPayload;

type Members = Map<string, string>;

/** The name in braces of the part of a stream's name for which `*` stands. */
const MATCHED = '*';
/** The room that stands for everybody. */
const EVERYBODY = '*';
const PAYLOAD_PREFIX = 'payload.';
/** A `Z` after an offset. */
const SURPLUS_Z = /([+-]\d\d:?\d\d)[Zz]$/;
const NAME_IN_BRACES = /\{([^{}]+)\}/g;

/** Returns the steps of one event type: those of all types, and its own, which win. */
export function stepsOf(common: PayloadSteps, own: PayloadSteps = {}): PayloadSteps {
  return {
    ...common,
    ...own,
    rename: { ...common.rename, ...own.rename },
    defaultsFrom: { ...common.defaultsFrom, ...own.defaultsFrom },
    defaults: { ...common.defaults, ...own.defaults },
    timestamps: [...(common.timestamps ?? []), ...(own.timestamps ?? [])],
  };
}

/** Compiles the steps once, so that an entry only runs them. */
export function compileSteps(steps: PayloadSteps): CompiledSteps {
  const { snakeCase, room } = steps;
  const change = compileMemberSteps(steps);
  return (payload, context) => {
    const named =
      snakeCase === undefined || payload === undefined ? payload : withSnakeCaseNames(payload, snakeCase);
    if (change === undefined && room === undefined) return { payload: named, roomId: context.room_id };
    const members = membersIn(named);
    const isChanged = members !== undefined && change !== undefined && change(members, context);
    return {
      payload: isChanged ? objectText(members) : named,
      roomId: room === undefined ? context.room_id : filled(room, members, context),
    };
  };
}

/** Removes a `Z` after an offset: `2026-01-16T10:00:00+00:00Z`. */
export function withoutSurplusZ(timestamp: string): string {
  // Most timestamps end otherwise. A look at two characters is faster than the expression.
  const before = timestamp.charAt(timestamp.length - 7) + timestamp.charAt(timestamp.length - 6);
  if (!before.includes('+') && !before.includes('-')) return timestamp;
  return timestamp.replace(SURPLUS_Z, '$1');
}

/** Changes the members. Returns true if it changed at least one. */
type MemberSteps = (members: Members, context: StepContext) => boolean;

/** Returns `undefined` if there is no such step. */
function compileMemberSteps({
  rename = {},
  defaultsFrom = {},
  defaults = {},
  timestamps = [],
}: PayloadSteps): MemberSteps | undefined {
  const renames = Object.entries(rename);
  const sources = Object.entries(defaultsFrom);
  const constants = Object.entries(defaults).map(([name, value]) => [name, JSON.stringify(value)] as const);
  if (renames.length + sources.length + constants.length + timestamps.length === 0) return undefined;
  return (members, context) => {
    let isChanged = false;
    const set = (name: string, json: string): void => {
      members.set(name, json);
      isChanged = true;
    };
    for (const [from, to] of renames) {
      const json = members.get(from);
      if (json === undefined || members.has(to)) continue;
      members.delete(from);
      set(to, json);
    }
    for (const [name, source] of sources) {
      const json = isMissing(members, name) ? sourceText(source, members, context) : undefined;
      if (json !== undefined) set(name, json);
    }
    for (const [name, json] of constants) if (isMissing(members, name)) set(name, json);
    for (const name of timestamps) {
      const json = members.get(name);
      if (json?.startsWith('"') !== true) continue;
      const normal = JSON.stringify(withoutSurplusZ(JSON.parse(json) as string)); // The cast is safe: the text begins with a quote.
      if (normal !== json && SURPLUS_Z.test(json.slice(0, -1))) set(name, normal);
    }
    return isChanged;
  };
}

/** Missing and null mean the same in the data model. */
function isMissing(members: Members, name: string): boolean {
  return (members.get(name) ?? 'null') === 'null';
}

function sourceText(source: string, members: Members, context: StepContext): string | undefined {
  if (source.startsWith(PAYLOAD_PREFIX)) return textAt(members, source.slice(PAYLOAD_PREFIX.length));
  const part = DEFAULT_SOURCES.find((name) => name === source);
  const value = part === undefined ? undefined : context[part];
  return value === undefined ? undefined : JSON.stringify(value);
}

/** Returns the members of a payload, or `undefined` if it is not an object. The steps then have nothing to change. */
function membersIn(payload: string | undefined): Members | undefined {
  if (payload === undefined) return undefined;
  let value: unknown;
  try {
    // Without this check, a scan of a text that is not JSON could make valid JSON of it.
    value = JSON.parse(payload);
  } catch (cause) {
    throw new IntakeRefusal('payload', 'the payload must be JSON text', { cause });
  }
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isObject ? new Map(memberTexts(payload)) : undefined;
}

function objectText(members: Members): string {
  return `{${Array.from(members, ([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`;
}

/** Fills the names in braces. Everybody (`*`) has no room of their own, so `*` stays as it is. */
function filled(template: string, members: Members | undefined, context: StepContext): string {
  if (context.room_id === EVERYBODY) return EVERYBODY;
  return template.replace(NAME_IN_BRACES, (_, name: string) => {
    const value = contextValue(name, context) ?? plainValue(textAt(members ?? new Map(), name));
    if (value === undefined || value === '')
      throw new IntakeRefusal(
        'payload',
        `the room ${template} needs ${name}, which is not a string or number of the entry`,
      );
    return value;
  });
}

function contextValue(name: string, { room_id, matched }: StepContext): string | undefined {
  if (name === 'room_id') return room_id;
  return name === MATCHED ? matched : undefined;
}

function plainValue(json: string | undefined): string | undefined {
  if (json === undefined || json === 'null' || json.startsWith('{') || json.startsWith('[')) return undefined;
  return json.startsWith('"') ? (JSON.parse(json) as string) : json; // The cast is safe: the text begins with a quote.
}
