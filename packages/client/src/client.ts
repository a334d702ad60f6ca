// The client as the application sees it.
import type { ClientError } from './client-error.js';
import { type ClientOptions, resolveOptions } from './client-options.js';
import type { ClientCounts, ClientState, StateChange } from './client-state.js';
import type { BuiltIn, EventHandler, EventName, TypingUser } from './delivery/events.js';
import type { Unsubscribe } from './delivery/handlers.js';
import type { JoinOptions, JoinResult, Room } from './rooms/room.js';
import { UntypedClient } from './untyped-client.js';

/**
 * A client of one gateway. `E` says which events there are: the type of a catalog, or a list of payload types.
 *
 * Guarantees: a handler is called once per event, in the order of the stream within a room, unless the same event comes
 * again after more than `dedupeWindowMs`; what was missed while the connection was away comes before anything new, or
 * `onResync` is called. Handlers that fail are reported to `onError` and stop nothing. Handlers may be added before
 * `connect`, and at any time later.
 */
export interface Client<E extends object = BuiltIn> {
  readonly state: ClientState;
  /** The user the gateway takes this client for (the token's `sub`); `undefined` before the first connection. */
  readonly userId: string | undefined;
  readonly counts: ClientCounts;
  /** The room `user:me`, in which every client is from the start and stays: what is for this user alone. */
  readonly personalRoom: Room<E>;
  /**
   * Connects, and from then on keeps the connection, joining rooms again and resuming them after every break. Resolves
   * when it is live for the first time. After `close` it goes on with the rooms it had.
   *
   * Rejects with ClientError: `closed`, `unauthorized`, `gave_up` (only with `maxAttempts`).
   */
  connect(): Promise<void>;
  /** Disconnects. Rooms that were joined are kept for a later `connect`; joins not answered yet are given up. */
  close(): Promise<void>;
  /**
   * Joins a room, now or as soon as there is a connection, and again after every break. Of a room that is joined
   * already it gives the one there is.
   *
   * @throws ClientError `invalid_argument`
   *
   * @example
   * ```ts
   * const room = client.join('ticket-42');
   * room.on('chat_message', ({ payload }) => console.log(payload.content));
   * room.onTypingChange((users) => console.log(users.map((user) => user.username)));
   * await room.joined; // rejects when the gateway refuses the room
   * ```
   */
  join(roomId: string, options?: JoinOptions): Room<E>;
  /** Leaves a room; one that is not joined is none to leave. The personal room cannot be left. */
  leave(roomId: string): Promise<void>;
  /** A joined room. */
  room(roomId: string): Room<E> | undefined;
  /** Handles events of one type, of all joined rooms. */
  on<Name extends EventName<E>>(type: Name, handler: EventHandler<E, Name>): Unsubscribe;
  /** Handles events of all types, of all joined rooms. */
  onAny(handler: EventHandler<E>): Unsubscribe;
  /** {@link Room.sendTyping}. @throws ClientError `invalid_argument` when the room is not joined */
  sendTyping(roomId: string, isTyping: boolean): void;
  /** {@link Room.markRead}. @throws ClientError `invalid_argument` when the room is not joined, or for what is no UUID */
  markRead(roomId: string, messageIds: readonly string[]): void;
  /** {@link Room.typingUsers}; nobody in a room that is not joined. */
  typingUsers(roomId: string): readonly TypingUser[];
  onTypingChange(handler: (roomId: string, users: readonly TypingUser[]) => unknown): Unsubscribe;
  /** A room was joined, or joined again: tells what was recovered. */
  onJoin(handler: (roomId: string, result: JoinResult) => unknown): Unsubscribe;
  /**
   * Events of this room were missed and will not be sent: load its data anew. `reason` is `not_recovered` after a break
   * that was too long, or the gateway's word.
   */
  onResync(handler: (roomId: string, reason: string) => unknown): Unsubscribe;
  onStateChange(handler: (change: StateChange) => unknown): Unsubscribe;
  /** Errors that no call is waiting for. Without a handler they go to the console. */
  onError(handler: (error: ClientError) => unknown): Unsubscribe;
}

/**
 * Creates a client; nothing happens before `connect`.
 *
 * @typeParam E `typeof myCatalog`, or a list of payload types such as `{ order_placed: { id: string } }`; by default the
 *   nine built-in types. Types only: no schema gets into the bundle.
 * @throws ClientError `invalid_argument`
 *
 * @example
 * ```ts
 * const client = createClient({ url: 'https://live.example.com', accessToken: () => fetchToken() });
 * client.on('notification', ({ payload }) => console.log(payload.title));
 * client.onResync((roomId) => console.log(`load ${roomId} again`));
 * client.join('ticket-42');
 * await client.connect();
 * ```
 */
export function createClient<E extends object = BuiltIn>(options: ClientOptions): Client<E> {
  const client: ClientWithoutEventTypes = new UntypedClient(resolveOptions(options));
  // Inside, the static types of events do not matter: the gateway has checked each against its catalog.
  return client as unknown as Client<E>;
}

/** What can be checked of the implementation where the types of events are not known. */
type ClientWithoutEventTypes = Omit<Client, 'on' | 'onAny' | 'join' | 'room' | 'personalRoom'>;
