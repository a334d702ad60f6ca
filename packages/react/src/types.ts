// The types that the hooks share: the declared events, and the view of a room.
import type { BuiltIn, ClientError, Room } from '@millrace/client';

/**
 * Declares the event types of the application once, for all hooks. Without a declaration, the hooks use the nine built-in
 * types.
 *
 * @example
 * ```ts
 * declare module '@millrace/react' {
 *   interface Register {
 *     events: typeof catalog; // or a list of payload types, as for `createClient`
 *   }
 * }
 * ```
 * @beta
 */
export interface Register {}

/** The declared events: the type of a catalog, or a list of payload types. @beta */
export type EventsOf<R = Register> = R extends { readonly events: infer E extends object } ? E : BuiltIn;

/**
 * Transitions: joining → live → joining (connection lost) → live → …; joining → refused; live → refused (the user was removed).
 * A refused room is joining again with the next connection, and when another component begins to use it.
 *
 * - `idle`: the hook was given no room.
 * - `joining`: the room is not joined yet, or is being joined again. On a server, a room is always `joining`.
 * - `live`: the room is joined, and its events arrive.
 * - `refused`: the gateway does not let this user in. See {@link RoomView.error}.
 * @beta
 */
export type RoomViewStatus = 'idle' | 'joining' | 'live' | 'refused';

/** A room as a component sees it. It stays the same object until one of its fields changes. @beta */
export interface RoomView<E extends object = EventsOf> {
  /** The room's ID as it was given to `useRoom`, or null if no room was given. */
  readonly id: string | null;
  readonly status: RoomViewStatus;
  /** The reason why the gateway does not let this user in. */
  readonly error: ClientError | undefined;
  /**
   * The room of the client, for example to call `markRead`. `undefined` on a server, before the component is mounted, and
   * without a room. Do not call `leave` on it: the hooks leave the room when no component uses it any more.
   */
  readonly room: Room<E> | undefined;
}

/** The room that a hook uses: its ID, the result of `useRoom`, or null for none. @beta */
export type RoomRef<E extends object = EventsOf> = string | RoomView<E> | null | undefined;
