// Finds the parts of an event in an entry: in fields of their own, or in one field that holds a JSON object. Pure.
import { type EntryFields, memberTexts } from '@millrace/contract';
import { SOURCE_FIELD } from './collector/pattern.js';
import { IntakeRefusal } from './refusal.js';
import type { EnvelopePart, IntakeRule, MemberKind, PartSource } from './rule.js';

/** The parts of an event as texts. A part that is missing, null or an empty text is `undefined`. Only a payload may be null. */
export type PartTexts = { readonly [Part in EnvelopePart]: string | undefined };

/** Reads the parts of an entry. Returns null if a value says that the entry is not an event. */
export type Layout = (fields: EntryFields) => PartTexts | null;

/** Finds the text of a place in an entry. For `payload` and `metadata`, it is JSON text. */
interface Places {
  textOf(from: string): string | undefined;
  jsonOf(from: string): string | undefined;
  /** Returns the JSON text null for a member that is null. An event type may have such payloads. */
  nullOf(from: string): string | undefined;
  /** JSON texts of all members or fields, by name. */
  rest(): ReadonlyMap<string, string>;
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
const TRUE = new Set(['true', 'True', 'TRUE', '1']);
const FALSE = new Set(['false', 'False', 'FALSE', '0']);

/** Compiles the layout of a rule. @throws IntakeRefusal when an entry does not have this layout */
export function compileLayout({ jsonField, fields = {}, flatPayload }: IntakeRule): Layout {
  const id = sourceOf('event_id', fields.event_id);
  const type = sourceOf('event_type', fields.event_type);
  const time = sourceOf('timestamp', fields.timestamp);
  const room = sourceOf('room_id', fields.room_id);
  const payload = sourceOf('payload', fields.payload);
  const metadata = sourceOf('metadata', fields.metadata);
  const used = new Set(
    [id, type, time, room, metadata].map(({ from }) => (jsonField === undefined ? from : firstName(from))),
  );
  const kinds = flatPayload === true ? {} : flatPayload;
  return (entry) => {
    const places = jsonField === undefined ? new FieldPlaces(entry) : placesIn(entry, jsonField);
    const event_id = valueOf(places.textOf(id.from), id);
    const event_type = valueOf(places.textOf(type.from), type);
    const timestamp = valueOf(places.textOf(time.from), time);
    const room_id = valueOf(places.textOf(room.from), room);
    if (event_id === null || event_type === null || timestamp === null || room_id === null) return null;
    return {
      event_id,
      event_type,
      timestamp,
      room_id,
      payload:
        kinds === undefined
          ? (places.jsonOf(payload.from) ?? payload.default ?? places.nullOf(payload.from))
          : flatPayloadOf(places.rest(), used, kinds),
      metadata: places.jsonOf(metadata.from) ?? metadata.default,
    };
  };
}

interface ResolvedSource extends Omit<PartSource, 'from'> {
  readonly from: string;
}

function sourceOf(part: EnvelopePart, given: string | PartSource | undefined): ResolvedSource {
  if (typeof given === 'string') return { from: given };
  return { ...given, from: given?.from ?? part };
}

function firstName(path: string): string {
  return path.split('.')[0] ?? path;
}

function valueOf(text: string | undefined, source: ResolvedSource): string | undefined | null {
  const value = text === undefined || text === '' ? source.default : text;
  if (value === undefined || source.values === undefined || !Object.hasOwn(source.values, value))
    return value;
  return source.values[value];
}

/** The fields of an entry. */
class FieldPlaces implements Places {
  readonly #fields: EntryFields;

  constructor(fields: EntryFields) {
    this.#fields = fields;
  }

  textOf(from: string): string | undefined {
    // Names such as `constructor` are those of functions if the entry has no such field.
    const value: unknown = this.#fields[from];
    return typeof value === 'string' && value !== '' ? value : undefined;
  }

  jsonOf(from: string): string | undefined {
    return this.textOf(from);
  }

  nullOf(): undefined {
    return undefined;
  }

  rest(): ReadonlyMap<string, string> {
    return new Map(Object.entries(this.#fields).map(([name, value]) => [name, JSON.stringify(value)]));
  }
}

/** The members of a JSON object. */
class MemberPlaces implements Places {
  readonly #members: ReadonlyMap<string, string>;

  constructor(members: ReadonlyMap<string, string>) {
    this.#members = members;
  }

  textOf(from: string): string | undefined {
    return plainText(this.jsonOf(from), from);
  }

  jsonOf(from: string): string | undefined {
    const found = textAt(this.#members, from);
    return found === 'null' ? undefined : found;
  }

  nullOf(from: string): string | undefined {
    return textAt(this.#members, from) === 'null' ? 'null' : undefined;
  }

  rest(): ReadonlyMap<string, string> {
    return this.#members;
  }
}

function placesIn(fields: EntryFields, jsonField: string): Places {
  const text: unknown = fields[jsonField];
  if (typeof text !== 'string') throw new IntakeRefusal('layout', `the entry has no field ${jsonField}`);
  if (!isJsonObject(text))
    throw new IntakeRefusal('layout', `the field ${jsonField} must be the JSON text of an object`);
  return new MemberPlaces(memberTexts(text));
}

/** Returns a text, a number or a boolean as text. An object or a list is refused. */
function plainText(json: string | undefined, from: string): string | undefined {
  if (json === undefined) return undefined;
  const first = json.charAt(0);
  if (first === '{' || first === '[')
    throw new IntakeRefusal('layout', `the member ${from} must be a string, not an object or a list`);
  return first === '"' ? (JSON.parse(json) as string) : json; // The cast is safe: the text begins with a quote.
}

/** Returns the JSON text of a member, or of a member of a member if `path` has dots. */
export function textAt(members: ReadonlyMap<string, string>, path: string): string | undefined {
  const whole = members.get(path);
  if (whole !== undefined || !path.includes('.')) return whole;
  const names = path.split('.');
  let found = members.get(names.shift() ?? '');
  for (const name of names) {
    if (found === undefined || !found.startsWith('{')) return undefined;
    found = memberTexts(found, [name]).get(name);
  }
  return found;
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    // A text that is not JSON is refused as one of another type.
    return false;
  }
}

function flatPayloadOf(
  rest: ReadonlyMap<string, string>,
  used: ReadonlySet<string>,
  kinds: Readonly<Record<string, MemberKind>>,
): string {
  const members: string[] = [];
  for (const [name, json] of rest) {
    if (used.has(name) || name === SOURCE_FIELD) continue;
    const kind = Object.hasOwn(kinds, name) ? (kinds[name] ?? 'text') : 'text';
    const value =
      kind === 'text' || !json.startsWith('"') ? json : converted(name, JSON.parse(json) as string, kind); // A text begins with a quote.
    if (value !== undefined) members.push(`${JSON.stringify(name)}:${value}`);
  }
  return `{${members.join(',')}}`;
}

/** Converts a text to JSON of this kind. An empty text stands for a missing value. */
function converted(name: string, text: string, kind: MemberKind): string | undefined {
  if (text === '') return undefined;
  if (kind === 'number' && NUMBER.test(text)) return text;
  if (kind === 'boolean' && TRUE.has(text)) return 'true';
  if (kind === 'boolean' && FALSE.has(text)) return 'false';
  if (kind === 'json' && isJsonText(text)) return text;
  throw new IntakeRefusal(
    'layout',
    `the field ${name} must be ${kind === 'json' ? 'JSON text' : `a ${kind}`}`,
  );
}

/** True if the text is a JSON value. */
export function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // The caller refuses the text.
    return false;
  }
}
