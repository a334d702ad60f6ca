// The hub `/hubs/events`: the methods that clients may call. Checks arguments and permissions. Other files publish and deliver the
// events.
import { BrokerError, type Position, parsePosition } from '@millrace/broker';
import { ContractError, type IndicatedUser, isRoomId, isUuid } from '@millrace/contract';
import type { RateLimit } from '@millrace/internal';
import { type Publisher, PublisherError } from '@millrace/publisher';
import { defineHub, type HubContext, HubError, method, SignalRError } from '@millrace/signalr';
import { mayEnterRoom, personalRoomOf, resolveRoomAlias } from '../auth/room-access.js';
import type { User } from '../auth/token-verifier.js';
import type { ActiveTyping } from '../indicators/active-typing.js';
import { TYPING } from '../indicators/room-indicators.js';
import {
  ConnectionRooms,
  type ConnectionRoomsDependencies,
  type JoinResult,
} from '../rooms/connection-rooms.js';
import type { TenantRate } from '../tenants/tenant-rate.js';
import type { EventsClient } from './events-client.js';
import { tryAgain } from './try-again.js';

/** Dependencies of the hub. */
export interface EventsHubDependencies {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly rooms: ConnectionRoomsDependencies;
  /** True when every room is open to every user (development mode). */
  readonly areRoomsOpen: boolean;
  readonly activeTyping: ActiveTyping;
  /** Limits the number of events that each user may send. */
  readonly rateLimit: RateLimit;
  /** Limits the number of events in the rooms of each tenant. `undefined` if rooms have no tenants. */
  readonly tenantRate: Pick<TenantRate, 'check' | 'take'> | undefined;
  /** Returns the key of the client's budget. */
  ownerKeyOf(context: Pick<EventsContext, 'request' | 'userId' | 'user' | 'connectionId'>): string;
  /** Returns monotonic time in milliseconds. */
  monotonicMs(): number;
  /** Called when an event was refused because its user sent too many events. */
  onRateLimited(): void;
  /** Called when an event was refused because too many were sent in the rooms of its tenant. */
  onTenantRateLimited(): void;
}

/** The context of a connection. Its `items` (the hub's state per connection) are the connection's rooms. */
type EventsContext = HubContext<EventsClient, User, ConnectionRooms>;

/** Creates the hub's definition. */
export function createEventsHub(dependencies: EventsHubDependencies) {
  return defineHub<EventsClient, User, ConnectionRooms>()({
    createItems: () => new ConnectionRooms(dependencies.rooms),

    onConnected(context) {
      dependencies.activeTyping.connected(context.user.userId);
      context.items.begin(context);
      // A client that resumes joins its personal room itself and sends its position, so that it receives missed events before new
      // ones.
      if (context.request.query.get('resume') === '1') return;
      context.groups.add(personalRoomOf(context.user.userId));
    },

    onDisconnected(context, error) {
      context.items.end(context, isOfGateway(error));
      return stopTyping(dependencies, context.user);
    },

    onBackpressure(context) {
      return context.items.fallBehind(context);
    },

    methods: {
      /** Joins a room. `after` is the position of the last event that the client has seen. */
      JoinRoom: method(
        ([roomId, after]): [string, Position | undefined] => [
          roomIdArgument(roomId),
          positionArgument(after),
        ],
        (context: EventsContext, givenRoomId, after): Promise<JoinResult> =>
          context.items.join(context, enterableRoom(givenRoomId, context.user, dependencies), after),
      ),

      /** Leaves a room. Leaving a room that was not joined does nothing. */
      LeaveRoom: method(
        ([roomId]): [string] => [roomIdArgument(roomId)],
        (context: EventsContext, givenRoomId): void => {
          context.items.leave(context, resolveRoomAlias(givenRoomId, context.user.userId));
        },
      ),

      /** Publishes to a joined room that the caller has started or stopped typing. */
      SendTyping: method(
        ([roomId, isTyping]): [string, boolean] => [roomIdArgument(roomId), booleanArgument(isTyping)],
        async (context: EventsContext, givenRoomId, isTyping): Promise<void> => {
          const { userId, name } = context.user;
          const roomId = joinedRoom(givenRoomId, context);
          checkRate(dependencies, context);
          checkTenantRate(dependencies, roomId);
          dependencies.activeTyping.update(userId, roomId, isTyping, dependencies.monotonicMs());
          await publishTyping(dependencies, roomId, { user_id: userId, username: name }, isTyping);
        },
      ),

      /** Publishes to a joined room that the caller has read messages. */
      MarkRead: method(
        ([roomId, messageIds]): [string, readonly string[]] => [
          roomIdArgument(roomId),
          messageIdsArgument(messageIds),
        ],
        async (context: EventsContext, givenRoomId, messageIds): Promise<void> => {
          const roomId = joinedRoom(givenRoomId, context);
          checkRate(dependencies, context);
          checkTenantRate(dependencies, roomId);
          const payload = { user_id: context.user.userId, message_ids: messageIds };
          await publish(dependencies, 'read_receipt', roomId, payload);
        },
      ),
    },
  });
}

/** @throws HubError that names the time after which to send again */
function checkRate(dependencies: EventsHubDependencies, context: EventsContext): void {
  const waitMs = dependencies.rateLimit.take(dependencies.ownerKeyOf(context), dependencies.monotonicMs());
  if (waitMs === 0) return;
  dependencies.onRateLimited();
  throw new HubError(`You send typing and receipts too fast. Send the last one again in ${waitMs} ms.`);
}

/** @throws HubError that names the time after which to send again */
function checkTenantRate(dependencies: EventsHubDependencies, roomId: string): void {
  const { tenantRate } = dependencies;
  const over = tenantRate?.check([roomId]);
  if (over === undefined) {
    tenantRate?.take([roomId]);
    return;
  }
  dependencies.onTenantRateLimited();
  throw new HubError(
    `Too many typing events and receipts are sent to the rooms of this tenant. Send the last one again in ${over.waitMs} ms.`,
  );
}

/**
 * True when this gateway ended the connection. Without an error, the result is false, because usually the
 * client has ended the connection. A gateway that stops does not count replay attempts, so a wrong result is
 * harmless in that case.
 */
function isOfGateway(error: Error | undefined): boolean {
  const code = error instanceof SignalRError ? error.code : undefined;
  return error !== undefined && code !== 'transport_lost' && code !== 'client_error';
}

/** Ends the typing of a user who has disconnected. Otherwise the user would be shown as typing until the indicator expires. */
async function stopTyping(dependencies: EventsHubDependencies, { userId, name }: User): Promise<void> {
  const rooms = dependencies.activeTyping.disconnected(userId, dependencies.monotonicMs());
  const user = { user_id: userId, username: name };
  // A failure is ignored, because the client is gone and the indicator expires anyway.
  await Promise.allSettled(rooms.map((roomId) => publishTyping(dependencies, roomId, user, false)));
}

/** @throws HubError when the event is invalid or was not stored, or when the catalog has no event type for typing */
async function publishTyping(
  dependencies: EventsHubDependencies,
  roomId: string,
  user: IndicatedUser,
  isTyping: boolean,
): Promise<void> {
  const event = dependencies.rooms.indicators.find(TYPING)?.eventOf(user, isTyping);
  if (event === undefined) throw new HubError('The catalog of this gateway has no event type for typing.');
  await publish(dependencies, event.type, roomId, event.payload);
}

async function publish(
  dependencies: EventsHubDependencies,
  type: string,
  roomId: string,
  payload: unknown,
): Promise<void> {
  try {
    await dependencies.publisher.publish(type, roomId, payload);
  } catch (error) {
    // The message of a `ContractError` is meant for the sender of the event. The message names fields and
    // rules, never values.
    if (error instanceof ContractError) throw new HubError(error.message, { cause: error });
    if (error instanceof PublisherError) throw tryAgain('The event was not stored.', { cause: error });
    throw error;
  }
}

function enterableRoom(givenRoomId: string, user: User, dependencies: EventsHubDependencies): string {
  const roomId = resolveRoomAlias(givenRoomId, user.userId);
  if (dependencies.areRoomsOpen || mayEnterRoom(roomId, user)) return roomId;
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
 * Replaces a position from a gateway of a later build. A client may send such a position during a rollout or
 * a rollback. The empty position matches no stream. Therefore the answer to the join tells the client to load
 * the missed events from the backend.
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
