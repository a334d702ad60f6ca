// The public interface of a room. `untyped-room.ts` implements it.
import type { BuiltIn, DeliveredEvent, EventHandler, EventName, TypingUser } from '../delivery/events.js';
import type { Unsubscribe } from '../delivery/handlers.js';
import type { Loader, LoadOptions, RoomLoad } from '../loading/room-load.js';
import type { RoomMembers } from '../members/room-members.js';

/**
 * Transitions: joining → live → joining (after the connection was lost) → live → …. Both states can change to
 * left.
 * @public
 */
export type RoomStatus = 'joining' | 'live' | 'left';

/** The result of a join, or of a rejoin after a reconnect. @public */
export interface JoinResult {
  /** The room's own ID. For `user:me`, this is the ID of the user's room. */
  readonly roomId: string;
  /**
   * True if the gateway sent all missed events after the given position. False if the join had no position.
   */
  readonly recovered: boolean;
  /** Number of missed events that the gateway sent, repeats included. */
  readonly replayed: number;
  /** The users who were typing, except this user. */
  readonly typing: readonly TypingUser[];
  /** The position of the room at the join. Every later event of the room will be delivered. */
  readonly position: string;
  /** True if the room was joined before, on an earlier connection. */
  readonly isRejoin: boolean;
}

/** Settings of one join. @public */
export interface JoinOptions {
  /** A position that the application kept, for example across a reload of the page. Events after it are sent first. */
  readonly after?: string;
}

/**
 * A room that was joined with `client.join`. The client rejoins it after every reconnect. After `leave`, the next
 * `client.join` makes a new object.
 * @public
 */
export interface Room<E extends object = BuiltIn> {
  /** The room's ID as it was given to `join`. */
  readonly id: string;
  readonly status: RoomStatus;
  /**
   * Resolves when the room is joined for the first time. Rejects with ClientError `refused` if the gateway does not let this
   * user in. Rejects with `closed` if the room was left or the client was closed before. The promise need not be awaited.
   */
  readonly joined: Promise<JoinResult>;
  /**
   * The position from which to resume this room. Before the first join, it is `JoinOptions.after`, if given. It is opaque,
   * and can be passed as `JoinOptions.after` later.
   */
  readonly position: string | undefined;
  /** The users who are typing now, except this user. The array stays the same object until the list changes. */
  readonly typingUsers: readonly TypingUser[];
  /** Calls the handler for events of one type in this room. Add handlers right after `join` to miss no event. */
  on<Name extends EventName<E>>(type: Name, handler: EventHandler<E, Name>): Unsubscribe;
  onAny(handler: EventHandler<E>): Unsubscribe;
  /** Calls the handler when events were missed and will not be sent. The application must then load the room's data again. */
  onResync(handler: (reason: string) => unknown): Unsubscribe;
  /**
   * Calls the handler when an event of this room was erased: the application must remove it. Also called after a reconnect, if the
   * event was erased meanwhile, and possibly for events that were never received.
   * @beta
   */
  onErased(handler: (eventId: string) => unknown): Unsubscribe;
  onTypingChange(handler: (users: readonly TypingUser[]) => unknown): Unsubscribe;
  /**
   * Returns the users whom an indicator shows now, except this user. The array stays the same object until the list changes.
   * @beta
   */
  shownUsers(indicator: string): readonly TypingUser[];
  /** Calls the handler when the users of an indicator change, for every indicator of the catalog. @beta */
  onIndicatorChange(handler: (indicator: string, users: readonly TypingUser[]) => unknown): Unsubscribe;
  /**
   * Tells the room that this user is typing, or has stopped. Call it with every keystroke if you like: an unchanged state is
   * sent only every few seconds. Dropped without a connection.
   */
  sendTyping(isTyping: boolean): void;
  /**
   * Tells the room that this user has read messages. Without a connection, the receipts wait. They are sent
   * again until the gateway accepts them.
   *
   * @throws ClientError `invalid_argument` if an ID is not a UUID
   */
  markRead(messageIds: readonly string[]): void;
  /**
   * Loads the room's state from the application's backend, and keeps it current: events that arrive during the load are held, and
   * handed over after the state. The room is loaded again whenever events were lost. Several loads of one room are independent.
   *
   * @throws ClientError `invalid_argument`, or `closed` if the room was left
   *
   * @example
   * ```ts
   * const order = room.load(({ signal }) => fetchOrder('42', { signal }), { reduce: applyEvent });
   * order.subscribe(() => render(order.snapshot));
   * ```
   * @beta
   */
  load<S>(loader: Loader<S>, options?: LoadOptions<S, DeliveredEvent<E>>): RoomLoad<S>;
  /**
   * The members of the room, while it is watched by {@link Room.onMembers}. The object stays the same until a member changes.
   * Without a connection, the members stay as they were known last.
   * @beta
   */
  readonly members: RoomMembers;
  /**
   * Calls the handler when a user enters or leaves the room, opens or closes a connection, or sets another state. The gateway
   * merges the changes of about 100 ms into one call. The first handler makes the client watch the room: soon after the join, all
   * members arrive with the first call. Removing the last handler ends it. A reconnect within the gateway's grace (10 s by default),
   * of any member, changes nothing.
   * @beta
   */
  onMembers(handler: (members: RoomMembers) => unknown): Unsubscribe;
  /**
   * Sets the state that the members of the room see of this user: `'idle'`, `{ viewing: 'notes' }`, or any other value that JSON can
   * express, with at most 1 KiB. The client sends it about ten times a second at most, the newest state last, and again after every
   * reconnect. If a user has several connections, the state that was set last counts.
   *
   * @throws ClientError `invalid_argument` if JSON cannot express the state. A state that is too large is refused by the gateway,
   * which `onError` reports
   *
   * @example
   * ```ts
   * const room = client.join('order-42');
   * room.onMembers(({ list }) => console.log(list.map(({ username, state }) => `${username}: ${state}`)));
   * room.setPresence('viewing');
   * ```
   * @beta
   */
  setPresence(state: unknown): void;
  /** Leaves the room. No event of the room is delivered after the call. Resolves when the gateway has answered. */
  leave(): Promise<void>;
}
