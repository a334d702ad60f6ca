// The public interface of the client. `untyped-client.ts` implements it.
import type { ClientError } from './client-error.js';
import { type ClientOptions, resolveOptions } from './client-options.js';
import type { ClientCounts, ClientState, StateChange } from './client-state.js';
import type { BuiltIn, EventHandler, EventName, TypingUser } from './delivery/events.js';
import type { Unsubscribe } from './delivery/handlers.js';
import type { JoinOptions, JoinResult, Room } from './rooms/room.js';
import { UntypedClient } from './untyped-client.js';

/**
 * A client of one gateway. `E` declares the events: it is the type of a catalog, or a list of payload types.
 *
 * Guarantees:
 *
 * - A handler is called once per event, unless the same event arrives again after more than `dedupeWindowMs`.
 * - Within a room, a handler is called in the order of the stream.
 * - Events that the client missed without a connection are delivered before new events. `onResync` is called if that is
 *   impossible.
 * - The error of a handler is reported to `onError`, and does not stop other handlers.
 *
 * Handlers may be added before `connect`, and at any time later.
 * @public
 */
export interface Client<E extends object = BuiltIn> {
  readonly state: ClientState;
  /** The user ID that the gateway read from the claim `sub` of the token. It is `undefined` before the first connection. */
  readonly userId: string | undefined;
  /** @beta */
  readonly counts: ClientCounts;
  /** The room `user:me` for the events that concern only this user. Every client is always in this room and cannot leave it. */
  readonly personalRoom: Room<E>;
  /**
   * The room `*` for the events that concern everybody, such as announcements. Every client is always in this room and cannot leave it.
   * Where rooms have tenants, it also has the events for everybody of the user's own tenant; their `room_id` is `*:<tenant>`.
   * Only backends can send to it: `sendTyping`, `markRead` and presence are refused.
   * @beta
   */
  readonly everybody: Room<E>;
  /**
   * Connects, and stays connected: after each lost connection, the client reconnects and resumes its rooms. Resolves when the
   * client is live for the first time. A call after `close` connects again and resumes the joined rooms.
   *
   * Rejects with ClientError `closed`, `unauthorized` or `gave_up` (only with `maxAttempts`).
   */
  connect(): Promise<void>;
  /**
   * Disconnects. Joined rooms are kept for a later `connect`. A room's first join is rejected if the gateway has not answered
   * it yet.
   */
  close(): Promise<void>;
  /**
   * Joins a room as soon as there is a connection, and rejoins it after every reconnect. Returns the same object for a room
   * that is already joined.
   *
   * @throws ClientError `invalid_argument`
   *
   * @example
   * ```ts
   * const room = client.join('order-42');
   * room.on('chat_message', ({ payload }) => console.log(payload.content));
   * room.onTypingChange((users) => console.log(users.map((user) => user.username)));
   * await room.joined; // rejects when the gateway refuses the room
   * ```
   */
  join(roomId: string, options?: JoinOptions): Room<E>;
  /** Leaves a room. Does nothing for a room that is not joined. The personal room and the room of everybody cannot be left. */
  leave(roomId: string): Promise<void>;
  /** The room that was joined under this ID, if there is one. */
  room(roomId: string): Room<E> | undefined;
  /** Calls the handler for events of one type from all joined rooms. */
  on<Name extends EventName<E>>(type: Name, handler: EventHandler<E, Name>): Unsubscribe;
  /** Calls the handler for events of all types from all joined rooms. */
  onAny(handler: EventHandler<E>): Unsubscribe;
  /** Calls {@link Room.sendTyping} of a room. @throws ClientError `invalid_argument` if the room is not joined */
  sendTyping(roomId: string, isTyping: boolean): void;
  /**
   * Calls {@link Room.markRead} of a room. @throws ClientError `invalid_argument` if the room is not joined, or an ID is not a UUID
   */
  markRead(roomId: string, messageIds: readonly string[]): void;
  /** Returns {@link Room.typingUsers} of a room, or an empty list for a room that is not joined. */
  typingUsers(roomId: string): readonly TypingUser[];
  onTypingChange(handler: (roomId: string, users: readonly TypingUser[]) => unknown): Unsubscribe;
  /** Calls the handler when a room was joined, or joined again. `result` tells what was recovered. */
  onJoin(handler: (roomId: string, result: JoinResult) => unknown): Unsubscribe;
  /**
   * Calls the handler when events of a room were missed and will not be sent. The application must then load the room's data
   * again. `reason` is `not_recovered` if the client was disconnected for too long. Otherwise it is the text that the gateway
   * sent.
   */
  onResync(handler: (roomId: string, reason: string) => unknown): Unsubscribe;
  /** Calls the handler when an event of a room was erased; see {@link Room.onErased}. @beta */
  onErased(handler: (roomId: string, eventId: string) => unknown): Unsubscribe;
  /**
   * Calls the handler when this user may not be in a room any more: `removed` by the backend, or the newest `token` does not allow
   * the room. The room has the status `left`, and `onError` gets a `refused`. Join the room again when the user was added again.
   * @beta
   */
  onRemoved(handler: (roomId: string, reason: string) => unknown): Unsubscribe;
  onStateChange(handler: (change: StateChange) => unknown): Unsubscribe;
  /** Calls the handler for every error that the client reports. Without a handler, errors are written to the console. */
  onError(handler: (error: ClientError) => unknown): Unsubscribe;
}

/**
 * Creates a client. The client connects when `connect` is called.
 *
 * @typeParam E `typeof myCatalog`, or a list of payload types such as `{ order_placed: { id: string } }`. The
 * default is the nine
 *   built-in types. Only the types are used, so the bundle contains no schema.
 * @throws ClientError `invalid_argument`
 *
 * @example
 * ```ts
 * const client = createClient({ url: 'https://live.example.com', accessToken: () => fetchToken() });
 * client.on('notification', ({ payload }) => console.log(payload.title));
 * client.onResync((roomId) => console.log(`load ${roomId} again`));
 * client.join('order-42');
 * await client.connect();
 * ```
 * @public
 */
export function createClient<E extends object = BuiltIn>(options: ClientOptions): Client<E> {
  const client: ClientWithoutEventTypes = new UntypedClient(resolveOptions(options));
  // The implementation needs no static types of events: the gateway has checked each event against its catalog.
  return client as unknown as Client<E>;
}

/** The part of the interface that does not depend on the types of events. The compiler checks the implementation against it. */
type ClientWithoutEventTypes = Omit<Client, 'on' | 'onAny' | 'join' | 'room' | 'personalRoom' | 'everybody'>;
