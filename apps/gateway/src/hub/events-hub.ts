// The hub `/hubs/events`: what clients may call. It checks who may do what; publishing and delivery are elsewhere.
import { BrokerError, type Position, parsePosition } from '@millrace/broker';
import { ContractError, type IndicatedUser, isRoomId, isUuid } from '@millrace/contract';
import { type Publisher, PublisherError } from '@millrace/publisher';
import { defineHub, type HubContext, HubError, method, SignalRError } from '@millrace/signalr';
import { mayEnterRoom, personalRoomOf, resolveRoomAlias } from '../auth/room-access.js';
import type { User } from '../auth/token-verifier.js';
import type { Typists } from '../indicators/active-typing.js';
import { TYPING } from '../indicators/room-indicators.js';
import { ConnectionRooms, type JoinResult, type RoomPorts } from '../rooms/connection-rooms.js';
import type { EventsClient } from './events-client.js';
import type { RateLimit } from './rate-limit.js';
import { tryAgain } from './try-again.js';

/** What the hub needs of the gateway. */
export interface EventsHubPorts {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly rooms: RoomPorts;
  /** Whether every room is open to everybody (development mode). */
  readonly areRoomsOpen: boolean;
  readonly typists: Typists;
  /** What each user may send. */
  readonly rateLimit: RateLimit;
  /** Milliseconds that never go back. */
  monotonicMs(): number;
  /** A user sent more than that; it was told so. */
  rateLimited(): void;
}

/** The items of a connection are its rooms. */
type EventsContext = HubContext<EventsClient, User, ConnectionRooms>;

/** Creates the hub's definition. */
export function createEventsHub(ports: EventsHubPorts) {
  return defineHub<EventsClient, User, ConnectionRooms>()({
    createItems: () => new ConnectionRooms(ports.rooms),

    onConnected(context) {
      ports.typists.connected(context.user.userId);
      context.items.begin(context);
      // A client that resumes joins its own room itself, with its position, so that nothing new comes before what it missed.
      if (context.request.query.get('resume') === '1') return;
      context.groups.add(personalRoomOf(context.user.userId));
    },

    onDisconnected(context, error) {
      context.items.end(context, isOfGateway(error));
      return stopTyping(ports, context.user);
    },

    onBackpressure(context) {
      return context.items.fallBehind(context);
    },

    methods: {
      /** Joins a room; `after` is the position of the last event the client has seen. */
      JoinRoom: method(
        ([roomId, after]): [string, Position | undefined] => [
          roomIdArgument(roomId),
          positionArgument(after),
        ],
        (context: EventsContext, givenRoomId, after): Promise<JoinResult> =>
          context.items.join(context, enterableRoom(givenRoomId, context.user, ports), after),
      ),

      /** Leaves a room. Leaving a room that was not joined does nothing. */
      LeaveRoom: method(
        ([roomId]): [string] => [roomIdArgument(roomId)],
        (context: EventsContext, givenRoomId): void => {
          context.items.leave(context, resolveRoomAlias(givenRoomId, context.user.userId));
        },
      ),

      /** Tells a joined room that the caller is typing, or has stopped. */
      SendTyping: method(
        ([roomId, isTyping]): [string, boolean] => [roomIdArgument(roomId), booleanArgument(isTyping)],
        async (context: EventsContext, givenRoomId, isTyping): Promise<void> => {
          const { userId, name } = context.user;
          const roomId = joinedRoom(givenRoomId, context);
          checkRate(ports, userId);
          ports.typists.said(userId, roomId, isTyping, ports.monotonicMs());
          await publishTyping(ports, roomId, { user_id: userId, username: name }, isTyping);
        },
      ),

      /** Tells a joined room that the caller has read messages. */
      MarkRead: method(
        ([roomId, messageIds]): [string, readonly string[]] => [
          roomIdArgument(roomId),
          messageIdsArgument(messageIds),
        ],
        async (context: EventsContext, givenRoomId, messageIds): Promise<void> => {
          const roomId = joinedRoom(givenRoomId, context);
          checkRate(ports, context.user.userId);
          const payload = { user_id: context.user.userId, message_ids: messageIds };
          await publish(ports, 'read_receipt', roomId, payload);
        },
      ),
    },
  });
}

/** @throws HubError that says when to send again */
function checkRate(ports: EventsHubPorts, userId: string): void {
  const waitMs = ports.rateLimit.take(userId, ports.monotonicMs());
  if (waitMs === 0) return;
  ports.rateLimited();
  throw new HubError(`You send typing and receipts too fast. Send the last one again in ${waitMs} ms.`);
}

/** Without an error either side ended it in an orderly way, most often the client; when this gateway stops, no rounds are counted. */
function isOfGateway(error: Error | undefined): boolean {
  const code = error instanceof SignalRError ? error.code : undefined;
  return error !== undefined && code !== 'transport_lost' && code !== 'client_error';
}

/** An indicator whose typist is gone must not stay until it expires. */
async function stopTyping(ports: EventsHubPorts, { userId, name }: User): Promise<void> {
  const rooms = ports.typists.disconnected(userId, ports.monotonicMs());
  const user = { user_id: userId, username: name };
  // Nobody is there to be told that it failed: then the indicator expires.
  await Promise.allSettled(rooms.map((roomId) => publishTyping(ports, roomId, user, false)));
}

/** @throws HubError also where the catalog has no event type that says so */
async function publishTyping(
  ports: EventsHubPorts,
  roomId: string,
  user: IndicatedUser,
  isTyping: boolean,
): Promise<void> {
  const event = ports.rooms.indicators.find(TYPING)?.eventOf(user, isTyping);
  if (event === undefined) throw new HubError('The catalog of this gateway has no event type for typing.');
  await publish(ports, event.type, roomId, event.payload);
}

async function publish(ports: EventsHubPorts, type: string, roomId: string, payload: unknown): Promise<void> {
  try {
    await ports.publisher.publish(type, roomId, payload);
  } catch (error) {
    // The contract's texts name fields and rules, never values; they are meant for whoever sent the event.
    if (error instanceof ContractError) throw new HubError(error.message, { cause: error });
    if (error instanceof PublisherError) throw tryAgain('The event was not stored.', { cause: error });
    throw error;
  }
}

function enterableRoom(givenRoomId: string, user: User, ports: EventsHubPorts): string {
  const roomId = resolveRoomAlias(givenRoomId, user.userId);
  if (ports.areRoomsOpen || mayEnterRoom(roomId, user)) return roomId;
  throw new HubError('You may not enter this room: the token’s `rooms` claim does not name it.');
}

function joinedRoom(givenRoomId: string, context: EventsContext): string {
  const roomId = resolveRoomAlias(givenRoomId, context.user.userId);
  if (context.items.has(roomId)) return roomId;
  throw new HubError('Join the room first.');
}

function roomIdArgument(value: unknown): string {
  if (typeof value === 'string' && isRoomId(value)) return value;
  throw new HubError('The room ID must be 1 to 256 bytes of text without control characters, and not "*".');
}

/**
 * Stands for a position from a gateway of a later build, during a rollout or when one is taken back: it fits no stream, so the client is
 * told to load what it missed, and goes on.
 */
const OF_LATER_BUILD: Position = [];

function positionArgument(value: unknown): Position | undefined {
  if (value === undefined || value === null) return undefined;
  try {
    return parsePosition(value);
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
    if (error.code === 'later_position') return OF_LATER_BUILD;
    throw new HubError('The position is not one that a gateway gave out.', { cause: error });
  }
}

function booleanArgument(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw new HubError('isTyping must be true or false.');
}

function messageIdsArgument(value: unknown): readonly string[] {
  const isList = Array.isArray(value) && value.length > 0;
  if (isList && value.every((id): id is string => typeof id === 'string' && isUuid(id))) return value;
  throw new HubError('messageIds must be a list of one or more message IDs, each a UUID.');
}
