// Checks of declarations. They throw at once, because a wrong declaration is a programmer's mistake.
import { isPlainFunction } from '@millrace/internal';
import { ContractError } from '../contract-error.js';
import { EVENT_ID_RULES, type EventIdRule } from '../text/event-id-rule.js';
import { utf8Bytes } from '../text/utf8-bytes.js';
import {
  type EventTypeDeclaration,
  LANES,
  OPEN_PAYLOADS,
  type OpenPayloads,
  RETENTIONS,
  type StreamDeclaration,
} from './declaration.js';
import {
  CATALOG_FIELDS,
  COALESCING_FIELDS,
  checkFields,
  checkObject,
  ENDS_COALESCING_FIELDS,
  EVENT_TYPE_FIELDS,
  INDICATOR_FIELDS,
  REPLAY_FIELDS,
  STREAM_FIELDS,
} from './declared-fields.js';

/** Maximum length of an event type's name, in bytes of UTF-8. */
const MAX_EVENT_TYPE_BYTES = 128;
/** Maximum length of the name of a consumer group, in bytes of UTF-8. */
const MAX_GROUP_BYTES = 200;
const CONTROL = /\p{Cc}/u;
const SLOT_NAME = /^[a-z][a-z0-9_-]{0,63}$/;
const STREAM_NAME = /^[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}$/;
/** Matches the name of a partition. For example, `events:chat.p0` is partition 0 of `events:chat`. */
const PARTITION_NAME = /\.p\d+$/;
/**
 * Names of Millrace's own hub methods, in lower case. The hub calls those up to `removed` on clients. Clients call the other
 * methods.
 */
const RESERVED_NAMES: readonly string[] = [
  'position',
  'resync',
  'event_erased',
  'presence',
  'removed',
  'joinroom',
  'leaveroom',
  'sendtyping',
  'markread',
  'refreshtoken',
  'setpresence',
  'getmembers',
  'watchmembers',
];
/**
 * Names of event types that JavaScript clients cannot handle. The SignalR client keeps its handlers in an object that already has
 * properties with these names.
 */
const UNUSABLE_NAMES: readonly string[] = ['__proto__', 'constructor'];
/** Matches the names of nested fields, separated by dots. */
const PERSON_PATH = /^[^.]{1,100}(?:\.[^.]{1,100}){0,9}$/;
const REPLAY_MODES: readonly unknown[] = ['all', 'latest', 'none'];

function check(isRight: boolean, message: string): void {
  if (!isRight) throw new ContractError('invalid_declaration', message);
}

/**
 * True for a schema that was made with TypeBox, also with `Type.Unsafe`. A JSON Schema written by hand is refused, because it has no static type and may
 * have keywords that the checks do not support.
 */
function isTypeBoxSchema(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('~kind' in value || '~unsafe' in value);
}

function isPositiveInteger(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1; // A safe integer is a number, so the cast is safe.
}

/** @throws ContractError `invalid_declaration` */
export function checkStream(stream: StreamDeclaration): void {
  checkObject(stream, 'a stream must be an object, such as the result of defineStream()');
  const name = JSON.stringify(stream.name);
  check(
    typeof stream.name === 'string' && STREAM_NAME.test(stream.name),
    `stream name ${name} must be 1 to 128 letters, digits or "_.:-", and begin with a letter or digit`,
  );
  // Without this check, a misspelt `retention` would let Millrace remove entries from the stream of another system.
  checkFields(`stream ${name}`, stream, STREAM_FIELDS);
  check(!PARTITION_NAME.test(stream.name), `stream name ${name} must not end like a partition (.p0)`);
  check(isPositiveInteger(stream.maxLength), `stream ${name}: maxLength must be a whole number of 1 or more`);
  check(
    stream.retention === undefined || RETENTIONS.includes(stream.retention),
    `stream ${name}: retention must be ${RETENTIONS.join(' or ')}`,
  );
  check(
    stream.group === undefined || isGroupName(stream.group),
    `stream ${name}: group must be a string of 1 to 200 bytes without control characters or braces`,
  );
}

function isGroupName(group: unknown): boolean {
  return (
    typeof group === 'string' && /^[^\p{Cc}\p{Cs}{}]+$/u.test(group) && utf8Bytes(group) <= MAX_GROUP_BYTES
  );
}

/** @throws ContractError `invalid_declaration` */
export function checkEventType(type: EventTypeDeclaration): void {
  checkObject(type, 'an event type must be an object, such as the result of defineEventType()');
  const { name } = type;
  checkEventTypeName(name);
  checkFields(`event type "${name}"`, type, EVENT_TYPE_FIELDS);
  check(
    type.description === undefined || typeof type.description === 'string',
    `event type "${name}": description must be a string`,
  );
  check(
    isTypeBoxSchema(type.payload),
    `event type "${name}": the payload must be a TypeBox schema, such as Type.Object({ … }) or Type.Unknown()`,
  );
  check(
    type.openPayload === undefined || isTypeBoxSchema(type.openPayload),
    `event type "${name}": openPayload must be a TypeBox schema`,
  );
  check(
    typeof type.stream === 'string',
    `event type "${name}": stream must be the name of a stream, as declared with defineStream`,
  );
  check(LANES.includes(type.lane), `event type "${name}": lane must be high, medium or low`);
  check(
    type.maxAgeMs === null || isPositiveInteger(type.maxAgeMs),
    `event type "${name}": maxAgeMs must be a whole number of 1 or more, or null for a type that is never stale`,
  );
  checkReplay(type);
  checkCoalescing(type);
  checkIndicator(type);
  checkPersons(type);
}

function checkPersons({ name, persons = [] }: EventTypeDeclaration): void {
  check(
    Array.isArray(persons) && persons.every((path) => typeof path === 'string' && PERSON_PATH.test(path)),
    `event type "${name}": persons must be a list of field names such as sender_id or sender.id`,
  );
}

function checkEventTypeName(name: unknown): void {
  const isText = typeof name === 'string' && name.isWellFormed() && !CONTROL.test(name);
  check(
    isText && name !== '' && utf8Bytes(name) <= MAX_EVENT_TYPE_BYTES,
    `event type name ${JSON.stringify(name)} must be 1 to ${MAX_EVENT_TYPE_BYTES} bytes of text without control characters`,
  );
  const text = String(name);
  // Clients compare the names of hub methods without regard to case.
  const method = text.toLowerCase();
  check(
    !RESERVED_NAMES.includes(method),
    `event type name "${text}" is reserved for a hub method of Millrace: choose another name`,
  );
  check(
    !UNUSABLE_NAMES.includes(method),
    `event type name "${text}" cannot be used by JavaScript clients: choose another name`,
  );
}

function checkReplay({ name, replay }: EventTypeDeclaration): void {
  check(
    typeof replay === 'object' && replay !== null && REPLAY_MODES.includes(replay.mode),
    `event type "${name}": replay must be { mode: 'all' }, { mode: 'latest', key } or { mode: 'none' }`,
  );
  checkFields(`event type "${name}": replay`, replay, REPLAY_FIELDS);
  check(
    replay.mode === 'latest' || !('key' in replay),
    `event type "${name}": replay.key has no effect unless replay.mode is latest`,
  );
  check(
    replay.mode !== 'latest' || isPlainFunction(replay.key),
    `event type "${name}": replay.key must be a function when replay.mode is latest, and not async`,
  );
}

function checkCoalescing({ name, coalescing, endsCoalescing }: EventTypeDeclaration): void {
  if (coalescing !== undefined) {
    checkRule(`event type "${name}": coalescing`, coalescing, COALESCING_FIELDS);
    checkSlot(name, coalescing);
    check(
      isPositiveInteger(coalescing.windowMs),
      `event type "${name}": coalescing.windowMs must be a whole number of 1 or more`,
    );
    check(
      isPlainFunction(coalescing.merge),
      `event type "${name}": coalescing.merge must be a function that is not async`,
    );
  }
  if (endsCoalescing === undefined) return;
  checkRule(`event type "${name}": endsCoalescing`, endsCoalescing, ENDS_COALESCING_FIELDS);
  checkSlot(name, endsCoalescing);
  check(coalescing === undefined, `event type "${name}" cannot both be coalesced and end coalescing`);
}

function checkIndicator({ name, indicator, coalescing, endsCoalescing, replay }: EventTypeDeclaration): void {
  if (indicator === undefined) return;
  checkRule(`event type "${name}": indicator`, indicator, INDICATOR_FIELDS);
  const { isShown, expiresAfterMs, windowMs = 1 } = indicator;
  checkSlotName(name, 'indicator.name', indicator.name);
  check(
    typeof isShown === 'boolean' || isPlainFunction(isShown),
    `event type "${name}": indicator.isShown must be true, false or a function of the payload`,
  );
  for (const rule of ['user', 'payload'] as const)
    check(
      isPlainFunction(indicator[rule]),
      `event type "${name}": indicator.${rule} must be a function that is not async`,
    );
  check(
    isPositiveInteger(expiresAfterMs) && isPositiveInteger(windowMs),
    `event type "${name}": indicator.expiresAfterMs and windowMs must be whole numbers of 1 or more`,
  );
  check(replay.mode === 'none', `event type "${name}": replay.mode must be none for an indicator`);
  check(
    coalescing === undefined || coalescing.slot === indicator.name,
    `event type "${name}": coalescing.slot must be the name of the indicator, "${indicator.name}"`,
  );
  check(endsCoalescing === undefined, `event type "${name}" cannot both be an indicator and end coalescing`);
}

function checkRule(what: string, rule: unknown, fields: Readonly<Record<string, true>>): void {
  checkObject(rule, `${what} must be an object with ${Object.keys(fields).join(', ')}`);
  checkFields(what, rule as object, fields); // The line above has checked the rule.
}

function checkSlotName(name: string, what: string, slot: unknown): void {
  check(
    typeof slot === 'string' && SLOT_NAME.test(slot),
    `event type "${name}": ${what} must be 1 to 64 lower-case letters, digits, "_" or "-", and begin with a letter`,
  );
}

function checkSlot(name: string, rule: { readonly slot: string; readonly key: unknown }): void {
  checkSlotName(name, 'slot', rule.slot);
  check(
    isPlainFunction(rule.key),
    `event type "${name}": the key of slot "${rule.slot}" must be a function that is not async`,
  );
}

/**
 * Checks the argument of `defineCatalog`.
 * @throws ContractError `invalid_declaration`
 */
export function checkCatalogFields(declarations: object): void {
  checkObject(declarations, 'a catalog must be an object with the lists streams and eventTypes');
  // The spread of another catalog has its functions as well.
  const options = Object.entries(declarations).filter(([, value]) => typeof value !== 'function');
  checkFields('a catalog', Object.fromEntries(options), CATALOG_FIELDS);
}

/** Rules that a catalog applies to all its events. */
export interface CatalogRules {
  readonly maxEventBytes: number;
  readonly openPayloads: OpenPayloads;
  readonly eventIdRule: EventIdRule;
}

/**
 * Checks a whole catalog: its rules, its declarations, that names are unique, and that the stream of each type exists.
 * `endsCoalescing` may name a slot that no type uses, so that a catalog can contain only some of the built-in types.
 * @throws ContractError `invalid_declaration`
 */
export function checkCatalog(
  streams: readonly StreamDeclaration[],
  eventTypes: readonly EventTypeDeclaration[],
  { maxEventBytes, openPayloads, eventIdRule }: CatalogRules,
): void {
  check(Array.isArray(streams), 'streams must be a list of streams, each made with defineStream()');
  check(
    Array.isArray(eventTypes),
    'eventTypes must be a list of event types, each made with defineEventType()',
  );
  check(isPositiveInteger(maxEventBytes), 'maxEventBytes must be a whole number of 1 or more');
  check(OPEN_PAYLOADS.includes(openPayloads), `openPayloads must be one of ${OPEN_PAYLOADS.join(', ')}`);
  check(EVENT_ID_RULES.includes(eventIdRule), `eventIdRule must be one of ${EVENT_ID_RULES.join(', ')}`);
  for (const stream of streams) checkStream(stream);
  for (const type of eventTypes) checkEventType(type);
  checkUnique('stream', streams, (name) => name);
  // Clients compare the names of hub methods without regard to case.
  checkUnique('event type', eventTypes, (name) => name.toLowerCase());
  const streamNames = new Set(streams.map((stream) => stream.name));
  for (const { name, stream } of eventTypes) {
    check(streamNames.has(stream), `event type "${name}": the catalog has no stream "${stream}"`);
  }
}

function checkUnique(
  what: string,
  declarations: readonly { readonly name: string }[],
  comparable: (name: string) => string,
): void {
  const seen = new Map<string, string>();
  for (const { name } of declarations) {
    const same = seen.get(comparable(name));
    check(same !== name, `${what} "${name}" is declared twice`);
    check(same === undefined, `${what} "${name}" differs from "${same}" in case only`);
    seen.set(comparable(name), name);
  }
}

/**
 * Checks that all types of a slot have the same window, and that all types of an indicator have the same expiry.
 * @throws ContractError `invalid_declaration`
 */
export function checkSlots(eventTypes: readonly EventTypeDeclaration[]): void {
  const windows = new Map<string, number>();
  for (const { name, coalescing } of eventTypes) {
    if (coalescing === undefined) continue;
    const { slot, windowMs } = coalescing;
    const first = windows.get(slot) ?? windowMs;
    check(
      first === windowMs,
      `event type "${name}": slot "${slot}" has a window of ${first} ms already, not ${windowMs} ms`,
    );
    windows.set(slot, first);
  }
  const expiries = new Map<string, number>();
  for (const { name, indicator } of eventTypes) {
    if (indicator === undefined) continue;
    const first = expiries.get(indicator.name) ?? indicator.expiresAfterMs;
    check(
      first === indicator.expiresAfterMs,
      `event type "${name}": indicator "${indicator.name}" expires after ${first} ms already, not ${indicator.expiresAfterMs} ms`,
    );
    expiries.set(indicator.name, first);
  }
}
