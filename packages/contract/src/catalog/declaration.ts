// Declarations of streams and event types: one declaration says everything Millrace needs to know about a type.
// Nothing else in Millrace asks for a type by its name.
import type { Static, TSchema } from 'typebox';

/** The urgency of a type: a publisher with a backlog sends the high ones first, and drops the low ones when its queue is full. */
export type Lane = (typeof LANES)[number];

/** Every lane, the most urgent first. */
export const LANES = ['high', 'medium', 'low'] as const;

/** A stream that events travel in. */
export interface StreamDeclaration<Name extends string = string> {
  /** Name and key of the stream, such as `events:chat`. */
  readonly name: Name;
  /** Entries kept when all are acknowledged and old enough; the real length may be a little above it. */
  readonly maxLength: number;
}

/** What a client that comes back is sent of what it missed. */
export type ReplayRule<Payload> =
  | { readonly mode: 'all' }
  /** Only the newest event per key. */
  | {
      readonly mode: 'latest';
      /** `undefined`: this event has no key, and is replayed as with `all`. */
      key(payload: Payload): string | undefined;
    }
  | { readonly mode: 'none' };

/**
 * How events of a type are coalesced: of several within one window, one is published.
 * Types that share a slot replace each other, and must have the same window.
 */
export interface CoalescingRule<Payload> {
  /** Name of the place in a room that holds what waits. Types may share it. */
  readonly slot: string;
  /** Milliseconds from the first event of a window until it is flushed. */
  readonly windowMs: number;
  /**
   * Whose event it is inside the slot, usually the user. Events of different keys never touch each other. `undefined`: this
   * event has no key; it is published at once and never merged.
   */
  key(payload: Payload): string | undefined;
  /**
   * The payload that stands for both. `later` is the payload of the newer event and is of this type;
   * `earlier` may be of another type of the slot. `undefined`: together they would be too large, so what waits is
   * flushed early and the other opens the next window. Pure.
   */
  merge(earlier: Payload, later: Payload): Payload | undefined;
}

/** An event of this type makes what waits in a slot pointless, and ends the slot's indicator, as a message does for its sender's typing. */
export interface EndsCoalescingRule<Payload> {
  /** The slot, in the same room; an indicator has its own name for a slot. */
  readonly slot: string;
  /** The key inside the slot, of an indicator the user's; `undefined` when there is none (a system message has no sender). */
  key(payload: Payload): string | undefined;
}

/** A user of whom an indicator speaks. */
export interface IndicatedUser {
  readonly user_id: string;
  readonly username: string;
}

/** A function of a payload; a payload's own type may stand where any is called for. */
type OfPayload<Payload, Result> = { of(payload: Payload): Result }['of'];

/**
 * Events of this type show an indicator of a user, or end it. It is coalesced per user, the last event of a window counts, and is never
 * replayed: a join is answered with who is shown. It ends with an event that says so, with an event of a type whose `endsCoalescing`
 * names it as its slot, and when it expires. The user's own connections are not sent it.
 */
export interface IndicatorRule<Payload> {
  /** Name of the indicator, and of the slot in which its events are coalesced. The types that show it and end it share it. */
  readonly name: string;
  /** True: events of the type show it. False: they end it. A function where the payload says which. */
  readonly isShown: boolean | OfPayload<Payload, boolean>;
  /** The user it speaks of. `undefined`: the event names none; it is sent to everybody as it comes, and nobody is listed. */
  user(payload: Payload): IndicatedUser | undefined;
  /** The payload that says so of a user, for a client that was left out and is told how things stand. */
  payload(user: IndicatedUser, isShown: boolean): Payload;
  /** Milliseconds after which it ends without news; the same for every type of the indicator. */
  readonly expiresAfterMs: number;
  /** Milliseconds from the first event of a window until it is flushed. @defaultValue 100 */
  readonly windowMs?: number;
}

/** How strictly a catalog checks payloads whose type declares an `openPayload`. */
export type OpenPayloads = (typeof OPEN_PAYLOADS)[number];

/** `any`: by `openPayload`, the default. `recommended`: by `payload`, as if there were no other. */
export const OPEN_PAYLOADS = ['any', 'recommended'] as const;

/** Everything about one event type. */
export interface EventTypeDeclaration<
  Name extends string = string,
  Schema extends TSchema = TSchema,
  Stream extends string = string,
> {
  /**
   * Value of `event_type`, and the name of the hub method on clients: 1 to 128 bytes of any text without control characters.
   * Clients do not tell upper from lower case.
   */
  readonly name: Name;
  /** One sentence for the generated documents. */
  readonly description?: string;
  /** TypeBox schema of the payload, of any JSON type. Its static type is the payload's. */
  readonly payload: Schema;
  /**
   * A wider schema than `payload`: all that follows it is accepted, and `payload` only recommends. Rules of the type
   * (keys, merge) must cope with all that it accepts. A catalog with `openPayloads: 'recommended'` does not look at it.
   * @defaultValue `payload`
   */
  readonly openPayload?: TSchema;
  /** Name of the stream that a publisher puts the type into. */
  readonly stream: Stream;
  readonly lane: Lane;
  /** Milliseconds after which an event is no longer worth sending; null when it always is. */
  readonly maxAgeMs: number | null;
  readonly replay: ReplayRule<Static<Schema>>;
  /** @defaultValue what `indicator` says, or not coalesced */
  readonly coalescing?: CoalescingRule<Static<Schema>>;
  readonly endsCoalescing?: EndsCoalescingRule<Static<Schema>>;
  /** Declares that the type's events say something of a user for a moment, as typing does. */
  readonly indicator?: IndicatorRule<Static<Schema>>;
}
