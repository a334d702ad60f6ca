// The pieces that payload schemas are built of, ours and users'. Each is a TypeBox schema with a check that
// runs compiled, and with standard keywords for the generated documents.
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
import { checked } from './named-check.js';
import { isRoomId, MAX_ROOM_ID_BYTES } from './room-id-text.js';
import { isTimestamp } from './timestamp-text.js';
import { isUuid, isUuidV4 } from './uuid-text.js';

/** What a piece says in the generated documents. */
export interface PieceOptions {
  /** One sentence on what the field means. */
  readonly description?: string;
}

const HEX = '[0-9a-fA-F]';

/** A UUID of any version as text. Upper case is accepted and kept. */
export function uuid(options: PieceOptions = {}): TString {
  return checked(Text({ ...options }), isUuid, {
    rule: 'format:uuid',
    expected: 'a UUID',
    jsonSchema: { format: 'uuid', pattern: `^${HEX}{8}-${HEX}{4}-${HEX}{4}-${HEX}{4}-${HEX}{12}$` },
  });
}

/** A version 4 UUID as text. */
export function uuidV4(options: PieceOptions = {}): TString {
  return checked(Text({ ...options }), isUuidV4, {
    rule: 'format:uuid-v4',
    expected: 'a UUID of version 4',
    jsonSchema: { format: 'uuid', pattern: `^${HEX}{8}-${HEX}{4}-4${HEX}{3}-[89abAB]${HEX}{3}-${HEX}{12}$` },
  });
}

/** An RFC 3339 date and time with an offset, checked against the calendar. */
export function timestamp(options: PieceOptions = {}): TString {
  return checked(Text({ ...options }), isTimestamp, {
    rule: 'format:date-time',
    expected: 'an RFC 3339 date and time with an offset',
    jsonSchema: {
      format: 'date-time',
      pattern: '^\\d{4}-\\d{2}-\\d{2}[Tt]\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?([Zz]|[+-]\\d{2}:\\d{2})$',
    },
  });
}

/** A room id: 1 to 256 bytes of UTF-8, no control characters, no braces. */
export function roomId(options: PieceOptions = {}): TString {
  return checked(Text({ ...options }), isRoomId, {
    rule: 'format:room-id',
    expected: `1 to ${MAX_ROOM_ID_BYTES} bytes of UTF-8 without control characters and braces`,
    // JSON Schema counts characters, so a long id that is not ASCII passes it and fails here.
    jsonSchema: {
      minLength: 1,
      maxLength: MAX_ROOM_ID_BYTES,
      pattern: '^[^\\u0000-\\u001f\\u007f-\\u009f{}\\ud800-\\udfff]*$',
    },
  });
}

/** A whole number of 1 or more that a JavaScript number holds exactly. */
export function positiveInteger(options: PieceOptions = {}): TInteger {
  return Integer({ ...options, minimum: 1, maximum: Number.MAX_SAFE_INTEGER });
}

/** A list with at least one item. */
export function nonEmptyList<Item extends TSchema>(item: Item, options: PieceOptions = {}): TArray<Item> {
  return ArrayOf(item, { ...options, minItems: 1 });
}

/**
 * A field that may be absent or null; both mean absent. Its static type is `field?: T | null`.
 * In JavaScript `undefined` counts as absent too, as it does in JSON.
 */
export function optional<Schema extends TSchema>(schema: Schema): TOptional<TUnion<[Schema, TNull]>> {
  return Optional(Union([schema, Null()]));
}
