// The rules by which entries of other programs become events: one rule per stream. A rule is declared, so that it can be checked
// and shown before the gateway starts.
import type { AnyCatalog, EntryFields, EventTypeName, eventCatalog } from '@millrace/contract';

/** The parts of an event that every entry must have. @beta */
export type EnvelopePart = 'event_id' | 'event_type' | 'timestamp' | 'room_id' | 'payload' | 'metadata';

/**
 * The place of a part of the event: the name of a field of the entry. With `jsonField`, it is the name of a member of the JSON
 * object, and dots separate the names of nested members: `meta.id`.
 * @beta
 */
export interface PartSource {
  /** @defaultValue the name of the part */
  readonly from?: string;
  /**
   * Replaces these values. A value that is replaced by null skips the entry: it is not an event, and is counted as `skipped`. Other
   * values stay as they are. Not for `payload` and `metadata`. @defaultValue no value is replaced
   */
  readonly values?: Readonly<Record<string, string | null>>;
  /** The value of an entry that has none. Of `payload` and `metadata`, it is JSON text. Not for `event_id`. @defaultValue none */
  readonly default?: string;
  /** For a timestamp that is a number: seconds (`s`) or milliseconds (`ms`) since 1970. @defaultValue the timestamp is ISO 8601 */
  readonly unit?: 's' | 'ms';
}

/** The kind of a member that a Redis field holds as text. `json`: the text is JSON. @beta */
export type MemberKind = 'text' | 'number' | 'boolean' | 'json';

/** The parts of the event from which `defaultsFrom` may take a value. Other names are paths in the payload. */
export const DEFAULT_SOURCES = ['event_id', 'event_type', 'timestamp', 'room_id'] as const;

/** Steps that change the payload and choose the room, in the order of this list. @beta */
export interface PayloadSteps {
  /**
   * Converts the names of all members to snake_case, in nested objects as well: `requestId` becomes `request_id`. `camel` converts
   * names that begin with a small letter, `pascal` also those that begin with a capital: `RequestId`. Values are not changed.
   * @defaultValue names stay as they are
   */
  readonly snakeCase?: 'camel' | 'pascal';
  /** Renames members of the payload. A member that has the new name already is kept. @defaultValue no member is renamed */
  readonly rename?: Readonly<Record<string, string>>;
  /**
   * Fills members that are missing or null from another place: a part of the event (`timestamp`, `room_id`, `event_id`,
   * `event_type`), or a path in the payload such as `payload.updated_by.username`. @defaultValue none
   */
  readonly defaultsFrom?: Readonly<Record<string, string>>;
  /** Values of members that are missing or null. @defaultValue none */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /** Members that are timestamps. A `Z` after an offset, as in `+00:00Z`, is removed. @defaultValue none */
  readonly timestamps?: readonly string[];
  /**
   * The room, as a text with names in braces: `user:{room_id}`. `room_id` is the room that the entry names, and any other name is
   * a path in the payload. Not used if the entry names `*`, which stands for everybody. @defaultValue `{room_id}`
   */
  readonly room?: string;
}

/** An entry as `map` sees it. @beta */
export interface MappedEntry {
  readonly stream: string;
  readonly id: string;
  readonly fields: EntryFields;
}

/** The event that the declared steps have made. A part that the entry does not have is `undefined`. @beta */
export interface MappedEvent {
  readonly event_id: string;
  readonly event_type: string | undefined;
  readonly timestamp: string;
  readonly room_id: string | undefined;
  readonly payload: unknown;
  readonly metadata?: unknown;
}

/** How the entries of one stream become events. Every part may be left out. @beta */
export interface IntakeRule<Type extends string = string> extends PayloadSteps {
  /** The Redis field that holds the whole event as a JSON object. @defaultValue each part has a field of its own */
  readonly jsonField?: string;
  /** Where the parts of the event are. @defaultValue each part has its own name */
  readonly fields?: { readonly [Part in EnvelopePart]?: string | PartSource };
  /**
   * The event ID. `own`: the entry's own ID, and one that is made from stream and entry ID if it has none. `hashed`: a UUID that is
   * made from the stream and the entry's own ID, which may be any text. `entry`: always made from stream and entry ID.
   * @defaultValue 'own'
   */
  readonly eventId?: 'own' | 'hashed' | 'entry';
  /**
   * Makes the payload of all fields (or members) that are not part of the event. The object names the kinds of members that are
   * no texts. @defaultValue the payload is JSON in the field `payload`
   */
  readonly flatPayload?: true | Readonly<Record<string, MemberKind>>;
  /** Steps for single event types, in addition to those of all types. They win where both have a value. */
  readonly types?: { readonly [Name in Type]?: PayloadSteps };
  /**
   * Does what cannot be declared. Called last, and must be pure: it runs again whenever the entry is read again, on any gateway.
   * Returns the event, or null if the entry is not an event. An entry for which it throws or takes more than 5 ms is rejected.
   */
  map?(event: MappedEvent, entry: MappedEntry): Partial<MappedEvent> | null;
  /** Entries that the gateway turns into events when it starts. `millrace check` shows them before and after. */
  readonly examples?: readonly EntryFields[];
}

/** How the entries of all streams whose names begin alike become events. @beta */
export interface PatternRule<Type extends string = string> extends IntakeRule<Type> {
  /**
   * The stream of the catalog into which the entries are copied. They have the positions and the replay of that stream. The copies are
   * trimmed as all its entries; the streams of the other program are not changed.
   */
  readonly into: string;
}

/**
 * The rules of an application, by the name of the stream. A name that ends with `*` is a pattern. In its `room`, `{*}` is the part of
 * the stream's name for which `*` stands.
 * @beta
 */
export type IntakeRules<C extends AnyCatalog = typeof eventCatalog> = {
  readonly [Stream in C['streams'][number]['name']]?: IntakeRule<EventTypeName<C>>;
} & { readonly [Pattern in `${string}*`]?: PatternRule<EventTypeName<C>> };
