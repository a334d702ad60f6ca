// Declares views: hubs as existing SignalR clients expect them, with their own paths, methods and messages. This file has the types
// for authors of applications. Other files of this folder check the declarations, build the messages and deliver them.
import type { AnyCatalog, EventOf, EventTypeName, eventCatalog } from '@millrace/contract';
import type { JsonText } from '@millrace/signalr';
import type { Bivariant, ConnectionHook, ViewMethod } from './view-method.js';

/** The JSON texts of an event's payload as its publisher wrote them. They keep all digits of large numbers. @beta */
export interface WrittenPayload {
  /** The whole payload. */
  readonly payload: JsonText;
  /** Returns the value of a member of the payload. Returns JSON null if the payload has no such member. */
  member(name: string): JsonText;
}

/** Returns the arguments of a message. Must be pure and fast: see {@link SendRule}. */
export type ArgumentsOf<Event> = Bivariant<[event: Event, written: WrittenPayload], readonly unknown[]>;

/** Declares one message that the clients in a group receive for an event. @beta */
export interface Send<Event, Group extends string = string> {
  /** The group whose members in the event's room receive the message. @defaultValue the first group of the view */
  readonly group?: Group;
  /** The name of the client method. */
  readonly method: string;
  /**
   * The arguments. `payload`: the payload, exactly as it was written. `event`: the event with its envelope, as the hub
   * `/hubs/events` sends it. A function returns any list of values. A value may be or contain a text of {@link WrittenPayload}.
   * Bytes are base64 text for JSON clients, and bytes for MessagePack clients.
   * @defaultValue 'payload'
   */
  readonly arguments?: 'payload' | 'event' | ArgumentsOf<Event>;
}

/** A message that a function has made for an event. @beta */
export interface MadeSend<Group extends string = string> {
  /** See {@link Send.group}. */
  readonly group?: Group;
  readonly method: string;
  readonly arguments: readonly unknown[];
  /** The ID of a user whose connections do not receive the message. */
  readonly exceptUser?: string;
  /** The ID of a connection that does not receive the message. */
  readonly exceptConnection?: string;
}

/**
 * The messages for the events of one type, in the order in which they are sent. A function returns none, one or several messages for
 * each event.
 *
 * A function of a rule must be pure, and must return within 5 ms. If it throws or takes longer, the clients of this view do not
 * receive the event. All other clients do. Such events are counted (`view_events_rejected_total`).
 * @beta
 */
export type SendRule<Event, Group extends string = string> =
  | Send<Event, Group>
  | readonly Send<Event, Group>[]
  | Bivariant<[event: Event, written: WrittenPayload], readonly MadeSend<Group>[]>;

/** The rules of a view by event type. Events of a type without a rule are not sent to the clients of the view. */
export type SendRules<C extends AnyCatalog, Group extends string> = {
  readonly [Name in EventTypeName<C>]?: SendRule<EventOf<C, Name>, Group>;
};

/**
 * The names of the messages that are not events. A client is told nothing about the matters that have no name. Each has one argument,
 * an object with the named fields.
 * @beta
 */
export interface ViewNotices {
  /** The stream of a joined room has lost events: `room`, `reason`. The client must load the room's state from the backend. */
  readonly resync?: string;
  /** The user was removed from a room, or a new token does not allow the room any longer: `room`, `reason`. */
  readonly removed?: string;
  /** An event of a joined room was erased, so the client should forget it: `room`, `event_id`. A client that comes back is told, too. */
  readonly erased?: string;
  /** The present position of a client whose rooms were idle: `position`. Only with `appendsPosition`. */
  readonly position?: string;
}

/** One hub. Create it with {@link defineView}. @beta */
export interface View<
  C extends AnyCatalog = typeof eventCatalog,
  Group extends string = string,
  ClientMethod extends string = string,
> {
  /** The path to which clients connect, such as `/hubs/chat`. It begins with `/hubs/` and is not `/hubs/events`. */
  readonly path: string;
  /** The catalog of the application, which gives events their static types. @defaultValue the nine built-in types */
  readonly catalog?: C;
  /**
   * The groups. A connection that joins a room joins one of these groups in it, and receives the messages that the rules send to this
   * group. Several groups let a client receive only a part of a room's messages. @defaultValue one group, `room`
   */
  readonly groups?: readonly Group[];
  /**
   * The groups that every connection is in from the start in its standing rooms: the user's own room (`user:<id>`), the room of everybody
   * (`*`), and the room of everybody of the user's tenant. The rules then send the events of these rooms to the connection. Standing rooms
   * count towards no limit. A client with `resume=1` in its URL starts in no room: it joins `user:me` and `*` with its position.
   * @defaultValue all groups
   */
  readonly standing?: readonly NoInfer<Group>[];
  /** The messages for events. @defaultValue none */
  readonly sends?: SendRules<C, NoInfer<Group>>;
  /** The methods that clients may call, by name. Clients may write the names in any case. @defaultValue none */
  readonly methods?: Readonly<Record<string, ViewMethod<NoInfer<Group>, NoInfer<ClientMethod>, C>>>;
  /**
   * The names of the client methods that functions of the view may call, with `caller.reply` and `caller.sendToOthers`. The replies
   * of declared joins and leaves need not be listed. @defaultValue none
   */
  readonly clientMethods?: readonly ClientMethod[];
  /**
   * The event type of `defineGroupCalls` by which `caller.sendToOthers` reaches the clients of every gateway.
   * @defaultValue none: `sendToOthers` cannot be used
   */
  readonly groupCalls?: EventTypeName<C>;
  /**
   * Runs when a client has connected, before its first call. Joins the client's first rooms, for example. If it fails, the connection is
   * closed.
   */
  readonly onConnected?: ConnectionHook<NoInfer<Group>, NoInfer<ClientMethod>, C>;
  /**
   * Runs when a client has disconnected. It may publish and call the others, and cannot reply. It does not run when the gateway
   * crashes. A failure has no effect.
   */
  readonly onDisconnected?: ConnectionHook<NoInfer<Group>, NoInfer<ClientMethod>, C>;
  /**
   * If true, the last argument of every message for an event is the event's position. A client that keeps the newest position of
   * each group and room that it has joined passes it to its next join, and receives what it missed. Of several messages for one event,
   * only the last one has the position, and the others have null. Clients in .NET and Java need handlers with this argument.
   * @defaultValue false
   */
  readonly appendsPosition?: boolean;
  /** @defaultValue no notices */
  readonly notices?: ViewNotices;
  /**
   * Maximum size of one message of a client in bytes, including its framing.
   * @defaultValue the gateway's `maxReceiveBytes`: 32_768
   */
  readonly maxReceiveBytes?: number;
  /**
   * Lets a client that asks for stateful reconnect continue its connection over a new WebSocket, without missing a message.
   * @defaultValue false
   */
  readonly allowsStatefulReconnect?: boolean;
}

declare const defined: unique symbol;

/** The result of {@link defineView}. @beta */
export interface DefinedView {
  readonly path: string;
  /** Exists only in the types, not at run time. */
  readonly [defined]: true;
}

/**
 * Defines a view. Returns the definition unchanged. The gateway checks it when it starts, and so does `millrace check`.
 *
 * @example
 * ```ts
 * const chat = defineView({
 *   path: '/hubs/chat',
 *   sends: { chat_message: { method: 'MessageSent' } },
 *   methods: {
 *     JoinRoom: { join: 'room', reply: 'RoomJoined' },
 *     LeaveRoom: { leave: 'room', reply: 'RoomLeft' },
 *   },
 * });
 * export default defineApp({ views: [chat] });
 * ```
 * @beta
 */
export function defineView<
  C extends AnyCatalog = typeof eventCatalog,
  const Group extends string = 'room',
  const ClientMethod extends string = never,
>(view: View<C, Group, ClientMethod>): DefinedView {
  // The brand exists only in the types. It keeps objects that no compiler has checked out of `defineApp`.
  return view as unknown as DefinedView;
}
