// The catalog: all event types and streams of one system, with typed functions that parse and encode their events.
import type { Static } from 'typebox';
import { createEventCheck, type EventCheck } from '../checks/event-check.js';
import { explain } from '../checks/explain.js';
import {
  type ActualType,
  actualTypeOf,
  describeIssues,
  type Issue,
  MAX_ISSUES,
  NOT_IN_CATALOG,
} from '../checks/issue.js';
import type { ParseFailure, ParseResult } from '../checks/parse-result.js';
import { explainUnreadableText } from '../checks/unreadable.js';
import { ContractError } from '../contract-error.js';
import { openEnvelopeSchema, type StreamEvent } from '../event/envelope.js';
import {
  type EntryFields,
  encodeEntry,
  MAX_EVENT_BYTES,
  parseEntryFields,
  sizeIssue,
  type WrittenTexts,
} from '../event/stream-entry.js';
import { comparableId, type EventIdRule } from '../text/event-id-rule.js';
import { normalizeTimestamp } from '../text/iso-timestamp.js';
import { memberTexts } from '../text/json-scan.js';
import type { EventTypeDeclaration, OpenPayloads, StreamDeclaration } from './declaration.js';
import { type CatalogRules, checkCatalog, checkCatalogFields, checkSlots } from './declaration-checks.js';
import { withCoalescing } from './define.js';

type EventTypes = readonly EventTypeDeclaration[];
type Streams = readonly StreamDeclaration[];

/**
 * The type of every catalog, for code that does not depend on particular event types. `parsePayload` takes any name. A generic name would
 * make a catalog of one copy of this package not assignable to this type of another copy.
 * @beta
 */
export interface AnyCatalog extends CatalogBase<EventTypes, Streams> {
  /** As {@link Catalog.parsePayload}. */
  parsePayload(type: string, value: unknown): ParseResult<unknown>;
}

/** The names of a catalog's event types. @beta */
export type EventTypeName<C extends AnyCatalog> = C['eventTypes'][number]['name'];

/** The declaration of the event type `Name`. @beta */
export type DeclarationOf<C extends AnyCatalog, Name extends EventTypeName<C>> = Extract<
  C['eventTypes'][number],
  { readonly name: Name }
>;

/** The payload of the event type `Name`. @beta */
export type PayloadOf<C extends AnyCatalog, Name extends EventTypeName<C>> = Static<
  DeclarationOf<C, Name>['payload']
>;

/** An event of the type `Name`. Without `Name`, it is an event of any type, discriminated by `event_type`. @beta */
export type EventOf<C extends AnyCatalog, Name extends EventTypeName<C> = EventTypeName<C>> =
  Name extends EventTypeName<C> ? StreamEvent<Name, PayloadOf<C, Name>> : never;

/**
 * An event of one of the declared types. {@link Catalog} uses it and not {@link EventOf}: a catalog that names its own type there is
 * not assignable to {@link AnyCatalog} in TypeScript 5.
 */
type EventOfDeclaration<D extends EventTypeDeclaration> = D extends EventTypeDeclaration
  ? StreamEvent<D['name'], Static<D['payload']>>
  : never;

/** An event that was parsed from a stream entry or an HTTP request, together with its original texts. @beta */
export interface ReceivedEvent<Event = StreamEvent, Declaration = EventTypeDeclaration> extends WrittenTexts {
  readonly event: Event;
  readonly declaration: Declaration;
}

/** The members that {@link Catalog} and {@link AnyCatalog} have in common. @beta */
export interface CatalogBase<T extends EventTypes, S extends Streams> {
  readonly eventTypes: T;
  readonly streams: S;
  /** Maximum size of payload and metadata together, in bytes of JSON text. */
  readonly maxEventBytes: number;
  /** Selects the schema that checks the payloads of a type with an `openPayload`: `openPayload` itself, or `payload`. */
  readonly openPayloads: OpenPayloads;
  /** The rule that each `event_id` must follow. */
  readonly eventIdRule: EventIdRule;
  /** Returns the declaration of an event type, or `undefined` if the catalog has no type of this name. */
  find(name: string): T[number] | undefined;
  /** Returns the declaration of a stream, or `undefined` if the catalog has no stream of this name. */
  findStream(name: string): S[number] | undefined;
  /**
   * Checks a parsed JSON value against the envelope and the payload schema of its type. Extra fields are kept.
   *
   * A `timestamp` is normalised to RFC 3339, and a UUID to lower case. With the rule `text`, an `event_id` is never changed.
   * The result is a copy if a field was normalised. Otherwise it is the value itself.
   */
  parseEvent(value: unknown): ParseResult<EventOfDeclaration<T[number]>>;
  /**
   * Checks a value that was parsed from JSON text, as {@link parseEvent} does. The result also contains the original texts.
   * @param text the JSON text from which `value` was parsed. The `payload` and `metadata` of `value` must come from this
   *   text. Other fields of `value` may be missing in the text
   */
  parseWritten(
    value: unknown,
    text: string,
  ): ParseResult<ReceivedEvent<EventOfDeclaration<T[number]>, T[number]>>;
  /**
   * Checks a value as {@link parseEvent} does, but throws if the value is not a valid event.
   * @throws ContractError `unknown_event_type` or `invalid_event`, with the issues
   */
  assertEvent(value: unknown): EventOfDeclaration<T[number]>;
  /**
   * Parses and checks a flat stream entry. Unknown fields are ignored. If the field `metadata` is empty or contains the text
   * `null`, the event has no metadata.
   */
  parseEntry(fields: EntryFields): ParseResult<ReceivedEvent<EventOfDeclaration<T[number]>, T[number]>>;
  /**
   * Writes an event as the fields of a stream entry. The event is not checked against its schema, because a catalog parsed it
   * or typed code built it. Three things are checked: its size, that JSON can represent its values, and that all clients can
   * read them. Extra fields inside `payload` and `metadata` are written. Extra fields of the envelope are left out.
   * @param written original texts of this event, which are used unchanged. Missing texts are made from the event's values
   * @throws ContractError `event_too_large`, or `unencodable_event` for a value that JSON cannot represent or that some
   *   client cannot read
   */
  encodeEntry(event: StreamEvent, written?: Partial<WrittenTexts>): Record<string, string>;
}

/** All event types and streams of one system. Immutable. @beta */
export interface Catalog<T extends EventTypes = EventTypes, S extends Streams = Streams>
  extends CatalogBase<T, S> {
  /**
   * Checks a payload alone, without its event. The paths of the issues begin with `/payload`, as if the whole event were checked.
   * An unknown type is reported as an issue with the path `/event_type`.
   */
  parsePayload<Name extends T[number]['name']>(
    type: Name,
    value: unknown,
  ): ParseResult<Static<Extract<T[number], { readonly name: Name }>['payload']>>;
}

/** Returns the event with its ID and timestamp in normal form, so that IDs and timestamps can be compared. */
function inNormalForm(event: StreamEvent, { eventIdRule }: CatalogRules): StreamEvent {
  const eventId = comparableId(event.event_id, eventIdRule);
  // The timestamp has a normal form, because the caller has checked the event.
  const timestamp = normalizeTimestamp(event.timestamp) ?? event.timestamp;
  const isNormal = eventId === event.event_id && timestamp === event.timestamp;
  return isNormal ? event : { ...event, event_id: eventId, timestamp };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function failure(issues: readonly Issue[], eventType?: string): ParseFailure {
  return eventType === undefined ? { ok: false, issues } : { ok: false, issues, eventType };
}

// Maximum number of type names in an issue. A longer list would not help the author of a misspelled name.
const maxNamedTypes = 20;

/**
 * Returns the issue for an event type that is not in the catalog. The issue lists event types that the
 * catalog has.
 */
function notInCatalog({ checks }: Core, actualType: ActualType): Issue {
  const names = [...checks.keys()];
  const named = names.slice(0, maxNamedTypes).join(', ');
  const expected = `one of ${names.length > maxNamedTypes ? `${named} and others` : named}`;
  return { path: '/event_type', rule: NOT_IN_CATALOG, expected, actualType };
}

/**
 * Returns the issues of an event whose type is missing or unknown. The first issue is about the type. The issues of the other
 * envelope fields follow.
 */
function unknownType(core: Core, value: Readonly<Record<string, unknown>>): ParseFailure {
  const issues = explain(openEnvelopeSchema(core.rules.eventIdRule), value, '');
  if (typeof value.event_type !== 'string') return failure(issues);
  return failure([notInCatalog(core, 'string'), ...issues].slice(0, MAX_ISSUES));
}

/**
 * Builds a catalog: the event types and streams that publishers, gateways and clients share.
 * @throws ContractError `invalid_declaration`
 *
 * @example
 * ```ts
 * const catalog = defineCatalog({
 *   streams: [...eventCatalog.streams, orders], // the built-in streams, and one made with defineStream
 *   eventTypes: [...eventCatalog.eventTypes, orderPlaced], // and one made with defineEventType
 * });
 * const result = catalog.parsePayload('order_placed', { id: 'o-1', items: 2 });
 * console.log(result.ok ? result.value.items : result.issues);
 * ```
 * @beta
 */
export function defineCatalog<
  const S extends Streams,
  const T extends readonly EventTypeDeclaration<string, EventTypeDeclaration['payload'], S[number]['name']>[],
>(declarations: {
  readonly streams: S;
  readonly eventTypes: T;
  /** @defaultValue 262_144 */
  readonly maxEventBytes?: number;
  /**
   * Selects the schema for the payloads of types that have an `openPayload`. With `any`, payloads must follow `openPayload`. With
   * `recommended`, they must follow `payload`.
   * @defaultValue 'any'
   */
  readonly openPayloads?: OpenPayloads;
  /** The rule that each `event_id` must follow. @defaultValue 'uuid-v4' */
  readonly eventIdRule?: EventIdRule;
}): Catalog<T, S> {
  checkCatalogFields(declarations);
  const { streams } = declarations;
  const { maxEventBytes = MAX_EVENT_BYTES, openPayloads = 'any', eventIdRule = 'uuid-v4' } = declarations;
  const rules = Object.freeze({ maxEventBytes, openPayloads, eventIdRule });
  checkCatalog(streams, declarations.eventTypes, rules);
  const eventTypes = Object.freeze(declarations.eventTypes.map(withCoalescing));
  checkSlots(eventTypes);
  const checks = new Map(eventTypes.map((type) => [type.name, createEventCheck(type, rules)]));
  const core: Core = { rules, checks };
  const streamsByName = new Map(streams.map((stream) => [stream.name, stream]));
  const catalog: AnyCatalog = {
    eventTypes,
    streams: Object.freeze([...streams]),
    ...rules,
    find: (name) => checks.get(name)?.declaration,
    findStream: (name) => streamsByName.get(name),
    parseEvent: (value) => parseEvent(core, value),
    parseWritten: (value, text) => parseWritten(core, value, text),
    assertEvent: (value) => assertEvent(core, value),
    parsePayload: (type, value) => parsePayload(core, type, value),
    parseEntry: (fields) => parseEntry(core, fields),
    encodeEntry: (event, written) => encodeEntry(event, maxEventBytes, written),
  };
  // The functions in `catalog` have general types, so that they serve every catalog. The cast gives them the declared types.
  return Object.freeze(catalog) as unknown as Catalog<T, S>;
}

/** State that the functions of one catalog share. */
interface Core {
  readonly rules: CatalogRules;
  /** The checks of each event type, by the name of the type. */
  readonly checks: ReadonlyMap<string, EventCheck>;
}

function parseEvent(core: Core, value: unknown): ParseResult<StreamEvent<string, never>> {
  if (!isObject(value)) {
    return failure([{ path: '', rule: 'type', expected: 'an object', actualType: actualTypeOf(value) }]);
  }
  const type = value.event_type;
  const check = typeof type === 'string' ? core.checks.get(type) : undefined;
  if (check === undefined) return unknownType(core, value);
  if (!check.isEvent(value)) return failure(check.explainEvent(value), check.declaration.name);
  // The cast is safe: `isEvent` has accepted every field of the event.
  const event = inNormalForm(value as unknown as StreamEvent, core.rules);
  return { ok: true, value: event as StreamEvent<string, never> };
}

function assertEvent(core: Core, value: unknown): StreamEvent<string, never> {
  const result = parseEvent(core, value);
  if (result.ok) return result.value;
  const isUnknown = result.issues[0]?.rule === NOT_IN_CATALOG;
  const code = isUnknown ? 'unknown_event_type' : 'invalid_event';
  throw new ContractError(code, describeIssues(result.issues, result.eventType), { issues: result.issues });
}

function parsePayload(core: Core, type: string, value: unknown): ParseResult<never> {
  const check = core.checks.get(type);
  if (check === undefined) return failure([notInCatalog(core, actualTypeOf(type))]);
  if (check.isPayload(value)) return { ok: true, value: value as never };
  return failure(check.explainPayload(value), type);
}

/** An event of any type that was parsed from text. */
type Received = ReceivedEvent<StreamEvent<string, never>>;

function parseEntry(core: Core, fields: EntryFields): ParseResult<Received> {
  const entry = parseEntryFields(fields, core.rules.maxEventBytes);
  return entry.ok ? receive(core, entry.value.event, entry.value) : entry;
}

function parseWritten(core: Core, value: unknown, text: string): ParseResult<Received> {
  // A value that is not an object has no members. `receive` refuses it.
  const members: ReadonlyMap<string, string> = isObject(value) ? memberTexts(text, TEXT_FIELDS) : new Map();
  const payloadText = members.get('payload') ?? '';
  const metadataText = members.get('metadata') ?? 'null';
  const tooLarge = sizeIssue(payloadText, metadataText, core.rules.maxEventBytes);
  if (tooLarge !== undefined) return failure([tooLarge]);
  return receive(core, value, metadataText === 'null' ? { payloadText } : { payloadText, metadataText });
}

const TEXT_FIELDS = ['payload', 'metadata'];

/** Checks a parsed event, and then the JSON texts of its payload and metadata. */
function receive(
  core: Core,
  value: unknown,
  { payloadText, metadataText }: Pick<WrittenTexts, 'payloadText' | 'metadataText'>,
): ParseResult<Received> {
  const parsed = parseEvent(core, value);
  if (!parsed.ok) return parsed;
  const event = parsed.value;
  const declaration = core.checks.get(event.event_type)?.declaration;
  if (declaration === undefined) return unknownType(core, { ...event });
  const unreadable =
    explainUnreadableText(payloadText, '/payload') ??
    (metadataText === undefined ? undefined : explainUnreadableText(metadataText, '/metadata'));
  if (unreadable !== undefined) return failure([unreadable], declaration.name);
  const { timestamp: timestampText } = value as StreamEvent; // The cast is safe: `parseEvent` has accepted `value`.
  const received = { event, declaration, timestampText, payloadText };
  return { ok: true, value: metadataText === undefined ? received : { ...received, metadataText } };
}
