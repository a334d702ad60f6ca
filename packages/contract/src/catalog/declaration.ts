// Declarations of streams and event types. A declaration holds everything that Millrace needs of a type: no code depends on the
// name of a type.
import type { Static, TSchema } from 'typebox';

/** The urgency of a type: a publisher with a backlog sends the high ones first, and drops the low ones when its queue is full. */
export type Lane = (typeof LANES)[number];

/** Every lane, the most urgent first. */
export const LANES = ['high', 'medium', 'low'] as const;

/** A stream of events. */
export interface StreamDeclaration<Name extends string = string> {
  /** Name and key of the stream, such as `events:chat`. */
  readonly name: Name;
  /** Number of entries that are kept when all are acknowledged and old enough; the real length may be a little above it. */
  readonly maxLength: number;
}

/** The events that a returning client is sent of those that it missed. */
export type ReplayRule<Payload> =
  | { readonly mode: 'all' }
  /** Only the newest event per key. */
  | {
      readonly mode: 'latest';
      /** `undefined`: this event has no key, and is always replayed. */
      key(payload: Payload): string | undefined;
    }
  | { readonly mode: 'none' };

/**
 * The coalescing of a type: of several events within one window, one is published.
 * Types that share a slot replace each other, and must have the same window.
 */
export interface CoalescingRule<Payload> {
  /** Name of the slot: the place in a room that holds waiting events. Types may share it. */
  readonly slot: string;
  /** Milliseconds from the first event of a window until it is flushed. */
  readonly windowMs: number;
  /**
   * The key of the event inside the slot, usually the user. Events of different keys are never merged. `undefined`: this
   * event has no key; it is published at once and never merged.
   */
  key(payload: Payload): string | undefined;
  /**
   * Merges two payloads into one. `later` is the payload of the newer event and is of this type;
   * `earlier` may be of another type of the slot. `undefined`: together they would be too large, so the waiting event is
   * flushed early and the newer one opens the next window. Pure.
   */
  merge(earlier: Payload, later: Payload): Payload | undefined;
}

/** An event of this type replaces the waiting event of a slot, and ends the slot's indicator, as a message ends its sender's typing. */
export interface EndsCoalescingRule<Payload> {
  /** The slot in the same room. The slot of an indicator has the indicator's name. */
  readonly slot: string;
  /** The key inside the slot; for an indicator the user's ID. `undefined` when there is none (a system message has no sender). */
  key(payload: Payload): string | undefined;
}

/** A user whom an indicator shows. */
export interface IndicatedUser {
  readonly user_id: string;
  readonly username: string;
}

/** A function of a payload. Its parameter is checked bivariantly, so a function of one payload type fits a rule for any payload. */
type OfPayload<Payload, Result> = { of(payload: Payload): Result }['of'];

/**
 * Events of this type show an indicator of a user, or end it. They are coalesced per user, where the last event of a window counts, and
 * are never replayed: the answer to a join lists the users who are shown. The indicator ends with an event that ends it, with an event
 * of a type whose `endsCoalescing` names it as its slot, and when it expires. The user's own connections do not receive it.
 */
export interface IndicatorRule<Payload> {
  /** Name of the indicator, and of the slot in which its events are coalesced. The types that show and end the indicator share the name. */
  readonly name: string;
  /** True: events of the type show the indicator. False: they end it. A function: the payload decides. */
  readonly isShown: boolean | OfPayload<Payload, boolean>;
  /** The user whom the event shows. `undefined`: the event names none; it is sent to everyone in the room at once, and no user is listed. */
  user(payload: Payload): IndicatedUser | undefined;
  /** The payload that shows or ends the indicator for a user. A client that missed events is sent the current state with it. */
  payload(user: IndicatedUser, isShown: boolean): Payload;
  /** Milliseconds after which the indicator ends without a new event; the same for every type of the indicator. */
  readonly expiresAfterMs: number;
  /** Milliseconds from the first event of a window until it is flushed. @defaultValue 100 */
  readonly windowMs?: number;
}

/** The check of payloads whose type declares an `openPayload`. */
export type OpenPayloads = (typeof OPEN_PAYLOADS)[number];

/** `any`, the default: checked against `openPayload`. `recommended`: checked against `payload`. */
export const OPEN_PAYLOADS = ['any', 'recommended'] as const;

/** The declaration of one event type. */
export interface EventTypeDeclaration<
  Name extends string = string,
  Schema extends TSchema = TSchema,
  Stream extends string = string,
> {
  /**
   * Value of `event_type`, and the name of the hub method on clients: 1 to 128 bytes of any text without control characters.
   * Clients do not distinguish upper and lower case.
   */
  readonly name: Name;
  /** One sentence for the generated documents. */
  readonly description?: string;
  /** TypeBox schema of the payload, of any JSON type. Its static type is the payload's. */
  readonly payload: Schema;
  /**
   * A wider schema than `payload`: every payload that follows it is accepted, and `payload` is only a recommendation. Rules of the type
   * (keys, merge) must handle every payload that it accepts. A catalog with `openPayloads: 'recommended'` ignores it.
   * @defaultValue `payload`
   */
  readonly openPayload?: TSchema;
  /** Name of the stream that a publisher puts the type into. */
  readonly stream: Stream;
  readonly lane: Lane;
  /** Milliseconds after which an event is too old to be sent; null when it never is. */
  readonly maxAgeMs: number | null;
  readonly replay: ReplayRule<Static<Schema>>;
  /** @defaultValue the coalescing of `indicator`, or none */
  readonly coalescing?: CoalescingRule<Static<Schema>>;
  readonly endsCoalescing?: EndsCoalescingRule<Static<Schema>>;
  /** Declares that the type's events show what a user is doing at the moment, as typing does. */
  readonly indicator?: IndicatorRule<Static<Schema>>;
}
