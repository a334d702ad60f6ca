// The types of a view's methods, and of the caller that they receive.
import type { AnyCatalog, EventTypeName, PayloadOf } from '@millrace/contract';
import type { RoomMembers } from '../presence/room-members.js';

/**
 * A function with bivariant parameters. TypeScript can therefore treat a view of any catalog as a view.
 */
export type Bivariant<Args extends readonly unknown[], Result> = { of(...args: Args): Result }['of'];

/** The user of a connection. @beta */
export interface ViewUser {
  readonly userId: string;
  readonly name: string;
}

/** The connection that calls a method. @beta */
export interface ViewCaller<
  Group extends string = string,
  ClientMethod extends string = string,
  C extends AnyCatalog = AnyCatalog,
> {
  readonly connectionId: string;
  readonly user: ViewUser;
  /** The query parameters of the request with which the client connected. Their names are in lower case: `?sessionId=` is `sessionid`. */
  readonly query: ReadonlyMap<string, string>;
  /** Values that the application keeps for this connection. */
  readonly state: Map<string, unknown>;
  /**
   * Joins a group in a room. Joining twice is harmless.
   *
   * @param room the ID of the room, as the client gave it
   * @param after the position of the last message that the client has seen, as the client gave it. Missed messages are sent before the
   *   answer. `undefined` and null mean that nothing was missed
   * @throws HubError (as a rejection) if the ID or the position is not valid, or the user may not enter the room
   */
  join(group: Group, room: unknown, after?: unknown): Promise<JoinedRoom>;
  /** Leaves a group in a room. Leaving a room that was not joined does nothing. */
  leave(group: Group, room: unknown): void;
  /**
   * True if the connection is in the group in the room: it has joined and not left since, or the room is one of its standing rooms. The
   * access rule is not asked again. `publish` and `sendToOthers` ask it.
   */
  isIn(group: Group, room: string): boolean;
  /**
   * Resolves to the members of a room, over all gateways. For a room with many members, the result has only their numbers.
   *
   * @throws HubError (as a rejection) if the user may not enter the room, for the room of everybody (`*`), or if the members cannot be
   *   read now
   */
  members(room: unknown): Promise<RoomMembers>;
  /** Calls a method of this client only. The name must be one of the view's `clientMethods`. */
  reply(method: ClientMethod, ...args: readonly unknown[]): void;
  /**
   * Publishes an event of this user. Resolves when the event is stored. It reaches the clients in the room like every other event. Not for
   * the room of everybody (`*`): `publisher` of the function `http` sends to it.
   *
   * @param room the ID of the room, as the client gave it. The connection need not have joined it
   * @throws HubError (as a rejection) if the user may not enter the room, sends too many events, or the event is not valid or was not
   *   stored
   */
  publish<Name extends EventTypeName<C>>(
    type: Name,
    room: unknown,
    payload: PayloadOf<C, Name>,
  ): Promise<void>;
  /**
   * Calls a client method on the other connections that have joined a group in a room, at every gateway. A client that is away does not
   * receive the call later. The view must declare `groupCalls`, and list the method in `clientMethods`. The arguments must be JSON.
   *
   * @throws HubError (as a rejection) as `publish` does, and for a method that is not listed
   */
  sendToOthers(
    target: { readonly group: Group; readonly room: unknown },
    method: string,
    ...args: readonly unknown[]
  ): Promise<void>;
}

/** Answer of a join. @beta */
export interface JoinedRoom {
  readonly roomId: string;
  /** Position after which the client will be sent every message of the room. */
  readonly position: string;
  /** True only if every message after the position that the client presented was sent before this answer. */
  readonly recovered: boolean;
  /** Number of missed events that were sent. */
  readonly replayed: number;
}

/** A message to the caller. The arguments are those of the declaration that contains it. */
export interface Reply<Input> {
  readonly method: string;
  /** Returns the arguments. @defaultValue the room, as the client gave it */
  readonly arguments?: Bivariant<[input: Input], readonly unknown[]>;
}

/** Names the room of a declared join or leave. */
export type RoomOf<Caller> = Bivariant<[caller: Caller, ...args: unknown[]], string>;

type AnyCaller = Pick<ViewCaller, 'user' | 'query'>;

/**
 * A method that joins a group. The room is the first argument of the call. If the view appends positions, the next argument may be the
 * position after which the client missed messages. The result of the call is the {@link JoinedRoom}.
 * @beta
 */
export interface JoinMethod<Group extends string = string> {
  readonly join: Group;
  /** Returns the room instead, so that the position is the first argument of the call. */
  readonly room?: RoomOf<AnyCaller>;
  /** The name of the client method that is called afterwards. @defaultValue none */
  readonly reply?: string | Reply<JoinedRoom & { readonly room: string }>;
}

/** A method that leaves a group. The room is the first argument of the call. @beta */
export interface LeaveMethod<Group extends string = string> {
  readonly leave: Group;
  /** Returns the room instead. */
  readonly room?: RoomOf<AnyCaller>;
  /** The name of the client method that is called afterwards. @defaultValue none */
  readonly reply?: string | Reply<{ readonly room: string }>;
}

/**
 * A method that clients may call. A function receives the caller and the arguments, which are not checked. Its result is the result
 * of the call. The text of a `HubError` is sent to the client.
 * @beta
 */
export type ViewMethod<
  Group extends string = string,
  ClientMethod extends string = string,
  C extends AnyCatalog = AnyCatalog,
> =
  | JoinMethod<Group>
  | LeaveMethod<Group>
  | Bivariant<[caller: ViewCaller<Group, ClientMethod, C>, ...args: unknown[]], unknown>;

/** Runs when a client has connected or disconnected. */
export type ConnectionHook<
  Group extends string = string,
  ClientMethod extends string = string,
  C extends AnyCatalog = AnyCatalog,
> = Bivariant<[caller: ViewCaller<Group, ClientMethod, C>], void | Promise<void>>;
