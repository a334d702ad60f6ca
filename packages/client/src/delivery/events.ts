// The static types of delivered events, and the checks of the hub's messages. The gateway has checked the payloads. A second
// check would need a schema library, many times the size of this client.
import type { AnyCatalog, EventTypeName, eventCatalog, PayloadOf, StreamEvent } from '@millrace/contract';

/** The built-in catalog's type: the nine event types of Millrace. @public */
export type BuiltIn = typeof eventCatalog;

/**
 * Payloads by event type. `E` is the type of a catalog (`typeof myCatalog`), or a list of payload types written by hand:
 * `{ order_placed: { id: string } }`.
 * @public
 */
export type PayloadsOf<E extends object> = E extends AnyCatalog
  ? { readonly [Name in EventTypeName<E>]: PayloadOf<E, Name> }
  : E;

/** The names of the event types in `E`. @public */
export type EventName<E extends object = BuiltIn> = keyof PayloadsOf<E> & string;

/**
 * An event as handlers receive it: the event itself and `position`, an opaque token. Without `Name`, it is an event of any type,
 * discriminated by `event_type`.
 * @public
 */
export type DeliveredEvent<E extends object = BuiltIn, Name extends EventName<E> = EventName<E>> =
  Name extends EventName<E> ? StreamEvent<Name, PayloadsOf<E>[Name]> & { readonly position: string } : never;

/**
 * Handles events of one type. An error that the handler throws or rejects with goes to `onError`. Other handlers are still called.
 * @public
 */
export type EventHandler<E extends object = BuiltIn, Name extends EventName<E> = EventName<E>> = (
  event: DeliveredEvent<E, Name>,
) => unknown;

/** An event whose type is not known statically. */
export type AnyEvent = StreamEvent & { readonly position: string };

/** The hub's messages `resync`, events of this room are lost for this connection, and `removed`, the user may not be in it. */
export interface RoomNotice {
  readonly room_id: string;
  readonly reason: string;
}

/** The hub's `event_erased` message: an earlier event of this room was erased. */
export interface ErasedMessage {
  readonly event_id: string;
  readonly room_id: string;
  readonly position: string;
}

/** One user who is typing, or whom another indicator shows. @public */
export interface TypingUser {
  readonly user_id: string;
  readonly username: string;
}

/** The hub's answer to `JoinRoom`. */
export interface JoinAnswer {
  readonly roomId: string;
  readonly position: string;
  readonly recovered: boolean;
  readonly replayed: number;
  readonly typing: readonly TypingUser[];
  /** Users whom indicators other than typing show, by name of the indicator. */
  readonly indicators: Readonly<Record<string, readonly TypingUser[]>>;
}

/** Reads the argument of an event message. Returns `undefined` if it is not an event. */
export function readEvent(argument: unknown): AnyEvent | undefined {
  const isEvent =
    isObject(argument) &&
    isText(argument.event_id) &&
    isText(argument.event_type) &&
    isText(argument.room_id) &&
    isText(argument.position) &&
    'payload' in argument;
  // The cast is safe: the gateway has checked all other fields against the catalog.
  return isEvent ? (argument as unknown as AnyEvent) : undefined;
}

/** Reads the position of a `position` message. Returns `undefined` if there is none. */
export function readPosition(argument: unknown): string | undefined {
  return isObject(argument) && isText(argument.position) ? argument.position : undefined;
}

/** Reads the room of a `resync`, `removed` or `presence` message. Returns `undefined` if it names none. */
export function readNotice(argument: unknown): RoomNotice | undefined {
  if (!isObject(argument) || !isText(argument.room_id)) return undefined;
  return { room_id: argument.room_id, reason: isText(argument.reason) ? argument.reason : 'unknown' };
}

/** Reads the argument of an `event_erased` message. Returns `undefined` if it is not a valid argument. */
export function readErased(argument: unknown): ErasedMessage | undefined {
  const isErased =
    isObject(argument) && isText(argument.event_id) && isText(argument.room_id) && isText(argument.position);
  return isErased ? (argument as unknown as ErasedMessage) : undefined; // All fields were checked.
}

/** Reads the answer to `JoinRoom`. Returns `undefined` if it is not a valid answer. */
export function readJoinAnswer(answer: unknown): JoinAnswer | undefined {
  if (!isObject(answer) || !isText(answer.roomId) || !isText(answer.position)) return undefined;
  const { roomId, position, recovered, replayed, typing, indicators } = answer;
  return {
    roomId,
    position,
    recovered: recovered === true,
    replayed: typeof replayed === 'number' ? replayed : 0,
    typing: readUsers(typing),
    indicators: isObject(indicators)
      ? Object.fromEntries(Object.entries(indicators).map(([name, users]) => [name, readUsers(users)]))
      : {},
  };
}

function readUsers(users: unknown): readonly TypingUser[] {
  return Array.isArray(users) ? users.filter(isTypingUser) : [];
}

/** True for a value with a user's ID and name, as in typing payloads and join answers. */
export function isTypingUser(value: unknown): value is TypingUser {
  return isObject(value) && isText(value.user_id) && isText(value.username);
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
