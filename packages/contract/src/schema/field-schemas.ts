// Schemas of single fields, from which payload schemas are built. Each one is a TypeBox schema that is compiled to a check, and has
// standard JSON Schema keywords for the generated documents.
import {
  Array as ArrayOf,
  Integer,
  Null,
  Optional,
  type TArray,
  String as Text,
  type TInteger,
  type TNull,
  type TOptional,
  type TSchema,
  type TString,
  type TUnion,
  Union,
} from 'typebox';
import { checked } from '../checks/named-check.js';
import { type EventIdRule, isEventId, MAX_EVENT_ID_BYTES } from '../text/event-id-rule.js';
import { isTimestamp, MAX_TIMESTAMP_CHARS, TIMESTAMP_PATTERN } from '../text/iso-timestamp.js';
import { CONTROL_ROOM, isRoomId, MAX_ROOM_ID_BYTES } from '../text/room-id.js';
import { isUuid, isUuidV4 } from '../text/uuid.js';

/** Options of a field's schema. @beta */
export interface FieldSchemaOptions {
  /** One sentence on the meaning of the field, for the generated documents. */
  readonly description?: string;
}

const HEX = '[0-9a-fA-F]';
/** Matches texts without control characters and without lone surrogates. */
const TEXT_PATTERN = '^[^\\u0000-\\u001f\\u007f-\\u009f\\ud800-\\udfff]*$';

/** A UUID of any version as text. Upper case is accepted and kept. @beta */
export function uuid(options: FieldSchemaOptions = {}): TString {
  return checked(Text({ ...options }), isUuid, {
    rule: 'format:uuid',
    expected: 'a UUID',
    jsonSchema: { format: 'uuid', pattern: `^${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}$` },
  });
}

/** A version 4 UUID as text. @beta */
export function uuidV4(options: FieldSchemaOptions = {}): TString {
  return checked(Text({ ...options }), isUuidV4, {
    rule: 'format:uuid-v4',
    expected: 'a UUID of version 4',
    jsonSchema: { format: 'uuid', pattern: `^${HEX}{8}-${HEX}{4}-4${HEX}{3}-[89abAB]${HEX}{3}-${HEX}{12}$` },
  });
}

/**
 * An ISO 8601 date and time in any form, checked against the calendar. A time without an offset is UTC. See `normalizeTimestamp`.
 * @beta
 */
export function timestamp(options: FieldSchemaOptions = {}): TString {
  return checked(Text({ ...options }), isTimestamp, {
    rule: 'format:date-time',
    expected: 'an ISO 8601 date and time',
    // The keyword `format: date-time` would allow only RFC 3339. A pattern allows more forms, but cannot check the calendar.
    jsonSchema: { pattern: TIMESTAMP_PATTERN, maxLength: MAX_TIMESTAMP_CHARS },
  });
}

/** An `event_id` that follows the rule of a catalog. */
export function eventId(rule: EventIdRule, options: FieldSchemaOptions = {}): TString {
  if (rule === 'uuid-v4') return uuidV4(options);
  if (rule === 'uuid') return uuid(options);
  return checked(Text({ ...options }), (text: string) => isEventId(text, rule), {
    rule: 'format:event-id',
    expected: `1 to ${MAX_EVENT_ID_BYTES} bytes of UTF-8 without control characters`,
    jsonSchema: { minLength: 1, maxLength: MAX_EVENT_ID_BYTES, pattern: TEXT_PATTERN },
  });
}

/** A room ID: 1 to 256 bytes of UTF-8 without control characters. The rooms of control entries are reserved. @beta */
export function roomId(options: FieldSchemaOptions = {}): TString {
  return checked(Text({ ...options }), isRoomId, {
    rule: 'format:room-id',
    expected: `1 to ${MAX_ROOM_ID_BYTES} bytes of UTF-8 without control characters, and not "${CONTROL_ROOM}"`,
    // JSON Schema counts characters, not bytes. Therefore it accepts some long IDs outside ASCII that the check refuses.
    jsonSchema: {
      minLength: 1,
      maxLength: MAX_ROOM_ID_BYTES,
      pattern: TEXT_PATTERN,
      not: { pattern: `^${CONTROL_ROOM}(?::.*)?$` },
    },
  });
}

/** A whole number of 1 or more that a JavaScript number can represent exactly. @beta */
export function positiveInteger(options: FieldSchemaOptions = {}): TInteger {
  return Integer({ ...options, minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
}

/** A list with at least one item. @beta */
export function nonEmptyList<Item extends TSchema>(
  item: Item,
  options: FieldSchemaOptions = {},
): TArray<Item> {
  return ArrayOf(item, { ...options, minItems: 1 });
}

/**
 * A field that may be absent or null. Null means absent. The static type is `field?: T | null`. JSON leaves out fields whose
 * value is `undefined`, so `undefined` means absent, too.
 * @beta
 */
export function optional<Schema extends TSchema>(schema: Schema): TOptional<TUnion<[Schema, TNull]>> {
  return Optional(Union([schema, Null()]));
}
