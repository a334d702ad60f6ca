// The hub `/hubs/events`: the methods that clients may call. Checks arguments and permissions. Other files publish and deliver the
// events.
import type { Position } from '@millrace/broker';
import { ContractError, type IndicatedUser, isRoomId, isUuid } from '@millrace/contract';
import type { RateLimit } from '@millrace/internal';
import { type Publisher, PublisherError } from '@millrace/publisher';
import { defineHub, HubError, type ListenableHub, method, SignalRError } from '@millrace/signalr';
import type { GrantedRoom, RoomGuard } from '../access/room-guard.js';
import type { User } from '../auth/token-verifier.js';
import type { ActiveTyping } from '../indicators/active-typing.js';
import { TYPING } from '../indicators/room-indicators.js';
import { isListener } from '../reads/reader-encodings.js';
import { readClientPosition } from '../replay/client-position.js';
import { ConnectionRooms } from '../rooms/connection-rooms.js';
import type { ConnectionRoomsDependencies, JoinResult } from '../rooms/room-connection.js';
import type { StandingRoomsOfHub } from '../rooms/standing-rooms.js';
import type { TenantRate } from '../tenants/tenant-rate.js';
import type { EventsClient } from './events-client.js';
import type { EventsContext } from './events-context.js';
import { type PresenceMethodsDependencies, presenceMethods } from './presence-methods.js';
import {
  keepAllowedRooms,
  type RefreshedToken,
  refreshToken,
  type TokenRefreshDependencies,
} from './token-refresh.js';
import { tryAgain } from './try-again.js';

/** Dependencies of the hub. */
export interface EventsHubDependencies extends TokenRefreshDependencies {
  readonly publisher: Pick<Publisher, 'publish'>;
  readonly guard: RoomGuard;
  readonly presence: PresenceMethodsDependencies['presence'];
  readonly rooms: ConnectionRoomsDependencies;
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

/** The running hub. */
export type EventsHub = ListenableHub<EventsClient, User, ConnectionRooms>;

/** Creates the hub's definition. */
export function createEventsHub(dependencies: EventsHubDependencies) {
  return defineHub<EventsClient, User, ConnectionRooms>()({
    createItems: () => new ConnectionRooms(dependencies.rooms),

    onConnected(context) {
      dependencies.activeTyping.connected(context.user.userId);
      context.items.begin(context);
      // A reader over HTTP is in the one room that it names.
      if (isListener(context.protocol)) return;
      enterStandingRooms(context, dependencies.rooms.standing);
    },

    onDisconnected(context, error) {
      context.items.end(context, isOfGateway(error));
      return stopTyping(dependencies, context.user);
    },

    onAuthenticationRefreshed(context) {
      keepAllowedRooms(context, dependencies);
    },

    onBackpressure(context) {
      return context.items.fallBehind(context);
    },

    methods: {
      ...presenceMethods({
        presence: dependencies.presence,
        guard: dependencies.guard,
        checkRate: (context) => checkRate(dependencies, context),
      }),

      /** Joins a room. `after` is the position of the last event that the client has seen. */
      JoinRoom: method(
        ([roomId, after]): [string, Position | undefined] => [
          roomIdArgument(roomId),
          positionArgument(after),
        ],
        async (context: EventsContext, givenRoomId, after): Promise<JoinResult> => {
          const room = await dependencies.guard.enter(givenRoomId, context);
          return context.items.join(context, room, after);
        },
        { prepare: (context, givenRoomId) => dependencies.guard.prepare(givenRoomId, context.user) },
      ),

      /** Leaves a room. Leaving a room that was not joined does nothing. */
      LeaveRoom: method(
        ([roomId]): [string] => [roomIdArgument(roomId)],
        (context: EventsContext, givenRoomId): void => {
          context.items.leave(context, dependencies.guard.nameOf(givenRoomId, context.user));
        },
      ),

      /** Replaces the token of the connection. */
      RefreshToken: method(
        ([token]): [string] => [tokenArgument(token)],
        (context: EventsContext, token): Promise<RefreshedToken> =>
          refreshToken(context, token, dependencies),
      ),

      /** Publishes to a joined room that the caller has started or stopped typing. */
      SendTyping: method(
        ([roomId, isTyping]): [string, boolean] => [roomIdArgument(roomId), booleanArgument(isTyping)],
        async (context: EventsContext, givenRoomId, isTyping): Promise<void> => {
          const { userId, name } = context.user;
          const joined = dependencies.guard.joined(context, givenRoomId);
          const roomId = joined instanceof Promise ? await joined : joined;
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
          const joined = dependencies.guard.joined(context, givenRoomId);
          const roomId = joined instanceof Promise ? await joined : joined;
          checkRate(dependencies, context);
          checkTenantRate(dependencies, roomId);
          const payload = { user_id: context.user.userId, message_ids: messageIds };
          await publish(dependencies, 'read_receipt', roomId, payload);
        },
      ),
    },
  });
}

/**
 * Adds a new connection to the standing rooms of its user. A client that resumes joins these rooms itself with its positions, so that it
 * receives missed events before new ones.
 */
export function enterStandingRooms(
  { request, user, groups }: Pick<EventsContext, 'request' | 'user' | 'groups'>,
  standing: StandingRoomsOfHub,
): void {
  if (request.query.get('resume') === '1') return;
  for (const roomId of standing.of(user.userId)) groups.add(roomId);
}

/** @throws HubError that names the time to wait before the next call */
export function checkRate(
  dependencies: Pick<EventsHubDependencies, 'rateLimit' | 'ownerKeyOf' | 'monotonicMs' | 'onRateLimited'>,
  context: Parameters<EventsHubDependencies['ownerKeyOf']>[0],
): void {
  const waitMs = dependencies.rateLimit.take(dependencies.ownerKeyOf(context), dependencies.monotonicMs());
  if (waitMs === 0) return;
  dependencies.onRateLimited();
  throw new HubError(
    `You send typing, receipts and states too fast. Send the last one again in ${waitMs} ms.`,
  );
}

/** @throws HubError that names the time to wait before the next call */
export function checkTenantRate(
  dependencies: Pick<EventsHubDependencies, 'tenantRate' | 'onTenantRateLimited'>,
  roomId: string,
): void {
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
 * True if this gateway ended the connection. False without an error, because the client then usually ended it. A gateway that
 * stops does not count replay attempts, so a wrong result is harmless there.
 */
export function isOfGateway(error: Error | undefined): boolean {
  const code = error instanceof SignalRError ? error.code : undefined;
  return error !== undefined && code !== 'transport_lost' && code !== 'client_error';
}

/** Ends the typing of a user who has disconnected. Otherwise the user would seem to type until the indicator expires. */
export async function stopTyping(
  dependencies: Pick<EventsHubDependencies, 'publisher' | 'rooms' | 'activeTyping' | 'monotonicMs'>,
  { userId, name }: User,
): Promise<void> {
  const rooms = dependencies.activeTyping.disconnected(userId, dependencies.monotonicMs());
  const user = { user_id: userId, username: name };
  // A failure is ignored, because the client is gone and the indicator expires anyway.
  await Promise.allSettled(rooms.map((roomId) => publishTyping(dependencies, roomId, user, false)));
}

/** @throws HubError if the event is invalid or was not stored, or if the catalog has no event type for typing */
async function publishTyping(
  dependencies: Pick<EventsHubDependencies, 'publisher' | 'rooms'>,
  roomId: GrantedRoom,
  user: IndicatedUser,
  isTyping: boolean,
): Promise<void> {
  const event = dependencies.rooms.indicators.find(TYPING)?.eventOf(user, isTyping);
  if (event === undefined) throw new HubError('The catalog of this gateway has no event type for typing.');
  await publish(dependencies, event.type, roomId, event.payload);
}

/** @throws HubError if the event is invalid or was not stored */
export async function publish(
  dependencies: Pick<EventsHubDependencies, 'publisher'>,
  type: string,
  roomId: GrantedRoom,
  payload: unknown,
): Promise<void> {
  try {
    await dependencies.publisher.publish(type, roomId, payload);
  } catch (error) {
    // The message of a `ContractError` is for the sender of the event. It names fields and rules, never values.
    if (error instanceof ContractError) throw new HubError(error.message, { cause: error });
    if (error instanceof PublisherError) throw tryAgain('The event was not stored.', { cause: error });
    throw error;
  }
}

function roomIdArgument(value: unknown): string {
  if (typeof value === 'string' && isRoomId(value)) return value;
  throw new HubError(
    'The room ID must be 1 to 256 bytes of text without control characters, and not reserved ("millrace:control").',
  );
}

function positionArgument(value: unknown): Position | undefined {
  if (value === undefined || value === null) return undefined;
  const position = readClientPosition(value);
  if (position !== undefined) return position;
  throw new HubError('The position is not one that a gateway gave out.');
}

function tokenArgument(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new HubError('token must be a string.');
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
