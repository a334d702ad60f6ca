// A room, as the application holds it.
import type { BuiltIn, EventHandler, EventName, TypingUser } from '../delivery/events.js';
import type { Unsubscribe } from '../delivery/handlers.js';

/** joining → live → joining (the connection broke) → live → …; from both of them → left. */
export type RoomStatus = 'joining' | 'live' | 'left';

/** What a join, or the join again after a break, brought. */
export interface JoinResult {
  /** The room's own ID; for `user:me` the ID it stands for. */
  readonly roomId: string;
  /** Whether everything missed since the given position was sent. Without a position there is nothing to recover. */
  readonly recovered: boolean;
  /** How many missed events the gateway sent, repeats included. */
  readonly replayed: number;
  /** Who was typing, this user not included. */
  readonly typing: readonly TypingUser[];
  /** Everything after this position will come. */
  readonly position: string;
  /** The room had been joined before: the connection broke meanwhile. */
  readonly isRejoin: boolean;
}

/** Settings of one join. */
export interface JoinOptions {
  /** A position the application kept, say from before a reload: what came after it is sent first. */
  readonly after?: string;
}

/**
 * A room that was joined with `client.join`. Joining again after a break happens by itself. After `leave` it is spent:
 * `client.join` makes a new one.
 */
export interface Room<E extends object = BuiltIn> {
  /** As it was given to `join`. */
  readonly id: string;
  readonly status: RoomStatus;
  /**
   * Resolves when the room is joined for the first time. Rejects with ClientError `refused` when the gateway does not
   * let this user in, `closed` when the room was left or the client closed before; it need not be awaited.
   */
  readonly joined: Promise<JoinResult>;
  /** Where to resume this room; `undefined` before it was joined. Opaque; valid for `JoinOptions.after`. */
  readonly position: string | undefined;
  /** Who is typing now, this user not included. The same array until it changes. */
  readonly typingUsers: readonly TypingUser[];
  /** Handlers for events of this room. Add them right after `join`: none is missed then. */
  on<Name extends EventName<E>>(type: Name, handler: EventHandler<E, Name>): Unsubscribe;
  onAny(handler: EventHandler<E>): Unsubscribe;
  /** Something was missed and will not be sent: load the room's data anew. */
  onResync(handler: (reason: string) => unknown): Unsubscribe;
  onTypingChange(handler: (users: readonly TypingUser[]) => unknown): Unsubscribe;
  /** The users whom an indicator of the catalog shows now, without this user. The same array until it changes. */
  shownUsers(indicator: string): readonly TypingUser[];
  /** The same list as `onTypingChange`, of every indicator of the catalog. */
  onIndicatorChange(handler: (indicator: string, users: readonly TypingUser[]) => unknown): Unsubscribe;
  /**
   * Tells the room that this user is typing, or has stopped. Call it with every keystroke: what has not changed is
   * sent every few seconds only. Without a connection it is dropped.
   */
  sendTyping(isTyping: boolean): void;
  /**
   * Tells the room that this user has read messages. Kept while there is no connection, and sent until the gateway
   * has taken them.
   *
   * @throws ClientError `invalid_argument` for what is no UUID
   */
  markRead(messageIds: readonly string[]): void;
  /** Leaves; no event of the room comes from the moment of the call. Resolves when the gateway knows. */
  leave(): Promise<void>;
}
