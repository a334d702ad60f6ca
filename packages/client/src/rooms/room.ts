// The public interface of a room. `untyped-room.ts` implements it.
import type { BuiltIn, EventHandler, EventName, TypingUser } from '../delivery/events.js';
import type { Unsubscribe } from '../delivery/handlers.js';

/** joining → live → joining (the connection broke) → live → …; from both of them → left. */
export type RoomStatus = 'joining' | 'live' | 'left';

/** The result of a join, or of a rejoin after a break. */
export interface JoinResult {
  /** The room's own ID; for `user:me` the ID of the user's room. */
  readonly roomId: string;
  /** True when everything that was missed since the given position was sent. Without a position there is nothing to recover. */
  readonly recovered: boolean;
  /** Number of missed events that the gateway sent, repeats included. */
  readonly replayed: number;
  /** The users who were typing, without this user. */
  readonly typing: readonly TypingUser[];
  /** Every event after this position will be delivered. */
  readonly position: string;
  /** True when the room had been joined before and the connection broke. */
  readonly isRejoin: boolean;
}

/** Settings of one join. */
export interface JoinOptions {
  /** A position that the application kept, for example over a reload of the page: the events after it are sent first. */
  readonly after?: string;
}

/**
 * A room that was joined with `client.join`. The client joins it again after every break. After `leave` the object is no longer
 * used: `client.join` makes a new one.
 */
export interface Room<E extends object = BuiltIn> {
  /** The room's ID as it was given to `join`. */
  readonly id: string;
  readonly status: RoomStatus;
  /**
   * Resolves when the room is joined for the first time. Rejects with ClientError `refused` when the gateway does not
   * let this user in, and `closed` when the room was left or the client was closed before. It need not be awaited.
   */
  readonly joined: Promise<JoinResult>;
  /** The position after which to resume this room; `undefined` before it was joined. Opaque; valid for `JoinOptions.after`. */
  readonly position: string | undefined;
  /** The users who are typing now, without this user. The same array until it changes. */
  readonly typingUsers: readonly TypingUser[];
  /** Handles events of this room. Add handlers right after `join` to miss no event. */
  on<Name extends EventName<E>>(type: Name, handler: EventHandler<E, Name>): Unsubscribe;
  onAny(handler: EventHandler<E>): Unsubscribe;
  /** Calls the handler when events were missed and will not be sent: load the room's data again. */
  onResync(handler: (reason: string) => unknown): Unsubscribe;
  onTypingChange(handler: (users: readonly TypingUser[]) => unknown): Unsubscribe;
  /** The users whom an indicator of the catalog shows now, without this user. The same array until it changes. */
  shownUsers(indicator: string): readonly TypingUser[];
  /** Calls the handler when the users of an indicator change, for every indicator of the catalog. */
  onIndicatorChange(handler: (indicator: string, users: readonly TypingUser[]) => unknown): Unsubscribe;
  /**
   * Shows the room that this user is typing, or has stopped. Call it with every keystroke: an unchanged state is
   * sent every few seconds only. Without a connection the call is dropped.
   */
  sendTyping(isTyping: boolean): void;
  /**
   * Shows the room that this user has read messages. The receipts are kept while there is no connection, and sent until the
   * gateway has accepted them.
   *
   * @throws ClientError `invalid_argument` when an ID is not a UUID
   */
  markRead(messageIds: readonly string[]): void;
  /** Leaves the room. No event of it is delivered after the call. Resolves when the gateway has answered. */
  leave(): Promise<void>;
}
