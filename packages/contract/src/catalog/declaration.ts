// Declarations of streams and event types. A declaration contains everything that Millrace needs to know about a type, so that no
// code depends on the name of a type.
import type { Static, TSchema } from 'typebox';

/**
 * The urgency of an event type. A publisher with a backlog sends events in the lane `high` first. A publisher
 * whose queue is full drops events in the lane `low`.
 * @beta
 */
export type Lane = (typeof LANES)[number];

/** Every lane, the most urgent first. @beta */
export const LANES = ['high', 'medium', 'low'] as const;

/**
 * Decides who removes the entries of a stream. `acknowledged`: Millrace does, when they are acknowledged. `observe`: another system
 * owns the stream and removes its entries. Millrace reads and appends, and removes nothing.
 * @beta
 */
export type Retention = (typeof RETENTIONS)[number];

/** Every value of {@link Retention}. @beta */
export const RETENTIONS = ['acknowledged', 'observe'] as const;

/** A stream of events. @beta */
export interface StreamDeclaration<Name extends string = string> {
  /** Name and key of the stream, such as `events:chat`. */
  readonly name: Name;
  /**
   * Number of entries to which the stream is trimmed. Entries beyond this number are removed when they are acknowledged and old
   * enough. The real length may be a little higher. Has no effect with `retention: 'observe'`.
   */
  readonly maxLength: number;
  /**
   * With `observe`, Millrace runs beside the system that owns the stream: the key of the stream is `name`, without the key prefix, and
   * no gateway or publisher removes an entry from it. @defaultValue 'acknowledged'
   */
  readonly retention?: Retention;
  /**
   * Name of the consumer group that accounts for the deliveries of this stream: 1 to 200 bytes, without control characters or braces.
   * @defaultValue the group of the gateways, which they share for all streams without one of their own
   */
  readonly group?: string;
}

/** Selects the missed events that a client receives when it reconnects. @beta */
export type ReplayRule<Payload> =
  | { readonly mode: 'all' }
  /** Replays only the newest event of each key. */
  | {
      readonly mode: 'latest';
      /** Returns the key of an event. An event without a key (`undefined`) is always replayed. */
      key(payload: Payload): string | undefined;
    }
  | { readonly mode: 'none' };

/**
 * Declares that events of a type are coalesced: the events of one window are merged, and only the merged
 * event is published. If several types share a slot, their events are merged with each other. These types
 * must have the same `windowMs`.
 * @beta
 */
export interface CoalescingRule<Payload> {
  /** Name of the slot in which events wait. Each room has its own slot of this name. Several types may share a slot. */
  readonly slot: string;
  /** Milliseconds from the first event of a window until the window is flushed. */
  readonly windowMs: number;
  /**
   * Returns the key of the event inside the slot, usually the ID of a user. Events with different keys are
   * never merged. An event without a key (`undefined`) is published immediately and never merged.
   */
  key(payload: Payload): string | undefined;
  /**
   * Merges two payloads into one. Must be pure. `later` is the payload of the newer event, which is of this type. `earlier` may be
   * the payload of another type of the slot. Returns `undefined` if the merged payload would be too large. In that case, both
   * events are published, the earlier one first.
   */
  merge(earlier: Payload, later: Payload): Payload | undefined;
}

/**
 * Declares that an event of this type drops the events that wait in one slot under one key. If an indicator
 * uses this slot, the event also ends the indicator for that key. For example, a message ends its sender's
 * typing.
 * @beta
 */
export interface EndsCoalescingRule<Payload> {
  /** Name of the slot in the event's room. The slot of an indicator has the indicator's name. */
  readonly slot: string;
  /**
   * Returns the key inside the slot. The key of an indicator is the user's ID. Returns `undefined` if the event ends nothing.
   * For example, a system message has no sender, so it ends nothing.
   */
  key(payload: Payload): string | undefined;
}

/** A user whom an indicator shows. @beta */
export interface IndicatedUser {
  readonly user_id: string;
  readonly username: string;
}

/**
 * A function of a payload. TypeScript checks its parameter bivariantly. Therefore a function for one payload
 * type can be assigned to a rule for any payload.
 */
type OfPayload<Payload, Result> = { of(payload: Payload): Result }['of'];

/**
 * Declares that events of this type show or end an indicator of a user, such as typing. The events are
 * coalesced: for each user, only the last event of a window is published. The events are never replayed,
 * because the answer to a join lists the users whom the indicator shows.
 *
 * An indicator ends when it expires, or when an event of one of its types ends it. An event of another type
 * also ends the indicator if the `endsCoalescing` of that type names the indicator as its slot. The user's
 * own connections do not receive the events of the indicator.
 * @beta
 */
export interface IndicatorRule<Payload> {
  /**
   * Name of the indicator, and of the slot in which its events are coalesced. The types that show the indicator and the types that
   * end it use the same name.
   */
  readonly name: string;
  /** True if events of the type show the indicator, false if they end it. A function decides for each payload. */
  readonly isShown: boolean | OfPayload<Payload, boolean>;
  /**
   * Returns the user whose indicator the event shows or ends. An event without a user (`undefined`) is
   * immediately sent to the whole room, and does not change the list of shown users.
   */
  user(payload: Payload): IndicatedUser | undefined;
  /**
   * Returns the payload that shows or ends the indicator for a user. The gateway sends this payload, for example, to a client that
   * missed events.
   */
  payload(user: IndicatedUser, isShown: boolean): Payload;
  /**
   * Milliseconds after which the indicator expires if no new event arrives. All types of the indicator must have the same value.
   */
  readonly expiresAfterMs: number;
  /** Milliseconds from the first event of a window until the window is flushed. @defaultValue 100 */
  readonly windowMs?: number;
}

/** Selects the schema for the payloads of types that declare an `openPayload`. @beta */
export type OpenPayloads = (typeof OPEN_PAYLOADS)[number];

/** `any`, the default, checks payloads against `openPayload`. `recommended` checks them against `payload`. */
export const OPEN_PAYLOADS = ['any', 'recommended'] as const;

/** The declaration of one event type. @beta */
export interface EventTypeDeclaration<
  Name extends string = string,
  Schema extends TSchema = TSchema,
  Stream extends string = string,
> {
  /**
   * The value of `event_type`, and the name of the hub method that is called on clients. The name has 1 to
   * 128 bytes of UTF-8 without control characters. Clients do not distinguish upper and lower case.
   */
  readonly name: Name;
  /** One sentence for the generated documents. */
  readonly description?: string;
  /** TypeBox schema of the payload, which may be of any JSON type. The static type of the payload follows from this schema. */
  readonly payload: Schema;
  /**
   * A wider schema than `payload`. Every payload that follows this schema is accepted, and `payload` is only a recommendation. The
   * functions `key` and `merge` of the type's rules must handle every accepted payload. A catalog with
   * `openPayloads: 'recommended'` ignores this schema.
   * @defaultValue `payload`
   */
  readonly openPayload?: TSchema;
  /** Name of the stream to which a publisher adds events of this type. */
  readonly stream: Stream;
  readonly lane: Lane;
  /** Age in milliseconds above which an event is no longer sent to clients. Null if events of this type are never too old. */
  readonly maxAgeMs: number | null;
  readonly replay: ReplayRule<Static<Schema>>;
  /** @defaultValue the coalescing rule of the type's `indicator`, or none if the type has no indicator */
  readonly coalescing?: CoalescingRule<Static<Schema>>;
  readonly endsCoalescing?: EndsCoalescingRule<Static<Schema>>;
  /** Declares that the type's events show what a user is doing at the moment, as typing does. */
  readonly indicator?: IndicatorRule<Static<Schema>>;
  /**
   * The fields of the payload that hold the ID of a person whom the event is about, such as its sender. A dot separates the names of
   * nested fields: `sender.id`. The events of a user can be erased by these fields. @defaultValue none
   */
  readonly persons?: readonly string[];
}
