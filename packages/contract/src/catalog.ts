// The catalog: all event types and streams of one system, with the typed parse functions that follow from
// their declarations.
import type { Static } from 'typebox';
import { ContractError } from './contract-error.js';
import type { EventTypeDeclaration, StreamDeclaration } from './declaration.js';
import { checkCatalog } from './declaration-checks.js';
import { type EntryFields, encodeEntry, MAX_EVENT_BYTES, parseEntryFields } from './entry.js';
import { openEnvelopeSchema, type StreamEvent } from './envelope.js';
import { createEventCheck, type EventCheck } from './event-check.js';
import { explain } from './explain.js';
import { type ActualType, actualTypeOf, describeIssues, type Issue, MAX_ISSUES } from './issue.js';
import type { ParseFailure, ParseResult } from './parse-result.js';

type EventTypes = readonly EventTypeDeclaration[];
type Streams = readonly StreamDeclaration[];

/** Any catalog, when its types do not matter. */
export type AnyCatalog = Catalog<EventTypes, Streams>;

/** The names of a catalog's event types. */
export type EventTypeName<C extends AnyCatalog> = C['eventTypes'][number]['name'];

/** The declaration of the event type `Name`. */
export type DeclarationOf<C extends AnyCatalog, Name extends EventTypeName<C>> = Extract<
  C['eventTypes'][number],
  { readonly name: Name }
>;

/** The payload of the event type `Name`. */
export type PayloadOf<C extends AnyCatalog, Name extends EventTypeName<C>> = Static<
  DeclarationOf<C, Name>['payload']
>;

/** An event of the type `Name`; without a name the union of all, told apart by `event_type`. */
export type EventOf<C extends AnyCatalog, Name extends EventTypeName<C> = EventTypeName<C>> =
  Name extends EventTypeName<C> ? StreamEvent<Name, PayloadOf<C, Name>> : never;

/** An event that came out of a stream, with the texts it came as. */
export interface ReceivedEvent<Event = StreamEvent, Declaration = EventTypeDeclaration> {
  readonly event: Event;
  readonly declaration: Declaration;
  /**
   * The payload exactly as it was written: valid JSON, but possibly with line breaks and repeated names
   * (the last one was checked). It can be put into a frame without being written again.
   */
  readonly payloadText: string;
  /** The metadata exactly as it was written. Absent when the event has none. */
  readonly metadataText?: string;
}

/** All event types and streams of one system. Immutable. */
export interface Catalog<T extends EventTypes = EventTypes, S extends Streams = Streams> {
  readonly eventTypes: T;
  readonly streams: S;
  /** Most bytes that payload and metadata of an event may have together as JSON text. */
  readonly maxEventBytes: number;
  /** The declaration of a type, `undefined` for a name the catalog does not know. */
  find(name: string): T[number] | undefined;
  /** The declaration of a stream, `undefined` for a name the catalog does not know. */
  findStream(name: string): S[number] | undefined;
  /**
   * Checks a parsed JSON value against the envelope and the payload schema of its type. The result is the
   * value itself, extra fields included; only an `event_id` in upper case leads to a copy with it in lower case.
   */
  parseEvent(value: unknown): ParseResult<EventOf<Catalog<T, S>>>;
  /**
   * {@link parseEvent} that throws.
   * @throws ContractError `unknown_event_type` or `invalid_event`, with the issues
   */
  assertEvent(value: unknown): EventOf<Catalog<T, S>>;
  /**
   * Checks a payload alone. Paths begin with `/payload`, as in an event.
   * An unknown type is an issue at `/event_type`.
   */
  parsePayload<Name extends T[number]['name']>(
    type: Name,
    value: unknown,
  ): ParseResult<Static<Extract<T[number], { readonly name: Name }>['payload']>>;
  /** Checks a flat stream entry. Fields it does not know are ignored; an empty or null metadata is none. */
  parseEntry(fields: EntryFields): ParseResult<ReceivedEvent<EventOf<Catalog<T, S>>, T[number]>>;
  /**
   * Writes an event as the fields of a stream entry. The event was parsed or built by typed code: beyond its size it is not
   * checked again. Extra fields travel inside `payload` and `metadata`; beside the envelope's own they do not.
   * @throws ContractError `event_too_large`, `unencodable_event` for what JSON cannot carry
   */
  encodeEntry(event: StreamEvent): Record<string, string>;
}

/** Puts `event_id` into lower case, the form in which ids are compared. */
function withComparableId(event: StreamEvent): StreamEvent {
  const eventId = event.event_id.toLowerCase();
  return eventId === event.event_id ? event : { ...event, event_id: eventId };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function failure(issues: readonly Issue[], eventType?: string): ParseFailure {
  return eventType === undefined ? { ok: false, issues } : { ok: false, issues, eventType };
}

const NOT_IN_CATALOG = 'event-type';
// More names than these help nobody who mistyped one.
const maxNamedTypes = 20;

/** The issue of a type that is not in the catalog; it names those that are. */
function notInCatalog(checks: Checks, actualType: ActualType): Issue {
  const names = [...checks.keys()];
  const named = names.slice(0, maxNamedTypes).join(', ');
  const expected = `one of ${names.length > maxNamedTypes ? `${named} and others` : named}`;
  return { path: '/event_type', rule: NOT_IN_CATALOG, expected, actualType };
}

/** The issues of an event whose type is missing or unknown: that first, then the rest of the envelope. */
function unknownType(checks: Checks, value: Readonly<Record<string, unknown>>): ParseFailure {
  const issues = explain(openEnvelopeSchema, value, '');
  if (typeof value.event_type !== 'string') return failure(issues);
  return failure([notInCatalog(checks, 'string'), ...issues].slice(0, MAX_ISSUES));
}

/**
 * Builds a catalog. To add to the built-in types, spread them:
 * `defineCatalog({ streams: eventCatalog.streams, eventTypes: [...eventCatalog.eventTypes, mine] })`.
 * @throws ContractError `invalid_declaration`
 */
export function defineCatalog<
  const S extends Streams,
  const T extends readonly EventTypeDeclaration<string, EventTypeDeclaration['payload'], S[number]['name']>[],
>(declarations: {
  readonly streams: S;
  readonly eventTypes: T;
  /** @defaultValue 262_144 */
  readonly maxEventBytes?: number;
}): Catalog<T, S> {
  const { streams, eventTypes, maxEventBytes = MAX_EVENT_BYTES } = declarations;
  checkCatalog(streams, eventTypes, maxEventBytes);
  const checks = new Map(eventTypes.map((type) => [type.name, createEventCheck(type)]));
  const streamsByName = new Map(streams.map((stream) => [stream.name, stream]));
  const catalog: AnyCatalog = {
    eventTypes: Object.freeze([...eventTypes]),
    streams: Object.freeze([...streams]),
    maxEventBytes,
    find: (name) => checks.get(name)?.declaration,
    findStream: (name) => streamsByName.get(name),
    parseEvent: (value) => parseEvent(checks, value),
    assertEvent: (value) => assertEvent(checks, value),
    parsePayload: (type, value) => parsePayload(checks, type, value),
    parseEntry: (fields) => parseEntry(checks, fields, maxEventBytes),
    encodeEntry: (event) => encodeEntry(event, maxEventBytes),
  };
  // The functions above are typed for any catalog; the declared types narrow what they return.
  return Object.freeze(catalog) as unknown as Catalog<T, S>;
}

type Checks = ReadonlyMap<string, EventCheck>;

function parseEvent(checks: Checks, value: unknown): ParseResult<StreamEvent<string, never>> {
  if (!isObject(value)) {
    return failure([{ path: '', rule: 'type', expected: 'an object', actualType: actualTypeOf(value) }]);
  }
  const type = value.event_type;
  const check = typeof type === 'string' ? checks.get(type) : undefined;
  if (check === undefined) return unknownType(checks, value);
  if (!check.isEvent(value)) return failure(check.explainEvent(value), check.declaration.name);
  // The check just saw every field of a StreamEvent.
  return { ok: true, value: withComparableId(value as unknown as StreamEvent) as StreamEvent<string, never> };
}

function assertEvent(checks: Checks, value: unknown): StreamEvent<string, never> {
  const result = parseEvent(checks, value);
  if (result.ok) return result.value;
  const isUnknown = result.issues[0]?.rule === NOT_IN_CATALOG;
  const code = isUnknown ? 'unknown_event_type' : 'invalid_event';
  throw new ContractError(code, describeIssues(result.issues, result.eventType), { issues: result.issues });
}

function parsePayload(checks: Checks, type: string, value: unknown): ParseResult<never> {
  const check = checks.get(type);
  if (check === undefined) return failure([notInCatalog(checks, actualTypeOf(type))]);
  if (check.isPayload(value)) return { ok: true, value: value as never };
  return failure(check.explainPayload(value), type);
}

function parseEntry(
  checks: Checks,
  fields: EntryFields,
  maxEventBytes: number,
): ParseResult<ReceivedEvent<StreamEvent<string, never>>> {
  const entry = parseEntryFields(fields, maxEventBytes);
  if (!entry.ok) return entry;
  const parsed = parseEvent(checks, entry.value.event);
  if (!parsed.ok) return parsed;
  const event = parsed.value;
  const declaration = checks.get(event.event_type)?.declaration;
  if (declaration === undefined) return unknownType(checks, entry.value.event);
  const { payloadText, metadataText } = entry.value;
  return {
    ok: true,
    value:
      metadataText === undefined
        ? { event, declaration, payloadText }
        : { event, declaration, payloadText, metadataText },
  };
}
