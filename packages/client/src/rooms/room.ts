// The public interface of a room. `untyped-room.ts` implements it.
import type { BuiltIn, EventHandler, EventName, TypingUser } from '../delivery/events.js';
import type { Unsubscribe } from '../delivery/handlers.js';

/**
 * Transitions: joining → live → joining (after the connection was lost) → live → …. Both states can change to
 * left.
 */
export type RoomStatus = 'joining' | 'live' | 'left';

/** The result of a join, or of a rejoin after a reconnect. */
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

/** Settings of one join. */
export interface JoinOptions {
  /** A position that the application kept, for example while a page was reloaded. The events after this position are sent first. */
  readonly after?: string;
}

/**
 * A room that was joined with `client.join`. The client rejoins the room after every reconnect. `leave` ends
 * the use of this object: the next `client.join` makes a new one.
 */
export interface Room<E extends object = BuiltIn> {
  /** The room's ID as it was given to `join`. */
  readonly id: string;
  readonly status: RoomStatus;
  /**
   * Resolves when the room is joined for the first time. Rejects with ClientError `refused` if the gateway does not let this user
   * in. Rejects with `closed` if the room was left or the client was closed before the join. The promise need not be awaited.
   */
  readonly joined: Promise<JoinResult>;
  /**
   * The position from which to resume this room. Before the first join, this is `JoinOptions.after`, or
   * `undefined` without that option. The position is opaque, and can be given as `JoinOptions.after` later.
   */
  readonly position: string | undefined;
  /** The users who are typing now, except this user. The array stays the same object until the list changes. */
  readonly typingUsers: readonly TypingUser[];
  /** Calls the handler for events of one type in this room. Add handlers right after `join` to miss no event. */
  on<Name extends EventName<E>>(type: Name, handler: EventHandler<E, Name>): Unsubscribe;
  onAny(handler: EventHandler<E>): Unsubscribe;
  /** Calls the handler when events were missed and will not be sent. The application must then load the room's data again. */
  onResync(handler: (reason: string) => unknown): Unsubscribe;
  onTypingChange(handler: (users: readonly TypingUser[]) => unknown): Unsubscribe;
  /** Returns the users whom an indicator shows now, except this user. The array stays the same object until the list changes. */
  shownUsers(indicator: string): readonly TypingUser[];
  /** Calls the handler when the users of an indicator change, for every indicator of the catalog. */
  onIndicatorChange(handler: (indicator: string, users: readonly TypingUser[]) => unknown): Unsubscribe;
  /**
   * Tells the room that this user is typing, or has stopped. You may call this method with every keystroke,
   * because an unchanged state is sent only every few seconds. Without a connection, the call is dropped.
   */
  sendTyping(isTyping: boolean): void;
  /**
   * Tells the room that this user has read messages. Without a connection, the receipts wait. They are sent
   * again until the gateway accepts them.
   *
   * @throws ClientError `invalid_argument` if an ID is not a UUID
   */
  markRead(messageIds: readonly string[]): void;
  /** Leaves the room. After the call, no event of the room is delivered. Resolves when the gateway has answered. */
  leave(): Promise<void>;
}
