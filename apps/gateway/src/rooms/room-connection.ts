// The types of a connection's rooms: their dependencies and the answer to a join.
import type { Position } from '@millrace/broker';
import type { IndicatedUser } from '@millrace/contract';
import type { HubContext, PreparedCall, SharedCall } from '@millrace/signalr';
import type { User } from '../auth/token-verifier.js';
import type { EventsClient } from '../hub/events-client.js';
import type { IndicatorEvent } from '../indicators/indicator-events.js';
import type { RoomIndicators, ShownByName } from '../indicators/room-indicators.js';
import type { MemberConnections } from '../membership/member-connections.js';
import type { Revocations, RoomAccess } from '../membership/revocations.js';
import type { ConnectionPresence } from '../presence/connection-presence.js';
import type { ReplayAttempts } from '../replay/replay-attempts.js';
import type {
  CatchUpOutcome,
  DeliveryPoint,
  LaggingRoom,
  ReplayOutcome,
  ReplayTarget,
} from '../replay/replay-target.js';
import type { TenantConnections } from '../tenants/tenant-connections.js';
import type { LaggingConnections } from './lagging-connections.js';
import type { LossNotices, LossReason } from './loss-notices.js';
import type { StandingRoomsOfHub } from './standing-rooms.js';

/** The parts of a connection's hub context that its rooms use. */
export type RoomConnection = Pick<
  HubContext<EventsClient, User, unknown>,
  | 'connectionId'
  | 'protocol'
  | 'userId'
  | 'user'
  | 'request'
  | 'groups'
  | 'clients'
  | 'signal'
  | 'flushed'
  | 'abort'
>;

/** Answer of `JoinRoom`. */
export interface JoinResult {
  readonly roomId: string;
  /** Position after which the client will be sent every event of the room. */
  readonly position: string;
  /** True only if every event after the position that the client presented was sent before this answer. */
  readonly recovered: boolean;
  /** Number of missed events that were sent. */
  readonly replayed: number;
  /** Other users who are typing in the room now. */
  readonly typing: readonly IndicatedUser[];
  /** Users whom the catalog's other indicators show, by name of the indicator. Left out if these indicators show nobody. */
  readonly indicators?: Readonly<Record<string, readonly IndicatedUser[]>>;
}

/** A room in which a connection lags, with the connection. */
export interface LaggingTarget extends LaggingRoom, Pick<ConnectionTarget, 'connectionId' | 'userId'> {
  send(call: PreparedCall | SharedCall): void;
}

/** How the connection lags in one room. A new object replaces it when the connection lags again. */
export interface CatchingUp extends LaggingTarget {
  /** True if the client reads too slowly. False if it joined with a position. */
  readonly isSlow: boolean;
  /** A loss of which the client was not told yet, because it reads too slowly. */
  loss: LossReason | undefined;
  /** The users whom indicators showed when the connection began to lag. */
  readonly shown: ShownByName;
  /**
   * The limits of the user at the time of a removal from the room. `undefined` if the user was not removed meanwhile. They hold
   * even if the user is added again: the client is sent nothing from after the removal, and is told of the removal.
   */
  limitsAtRemoval: RoomAccess | undefined;
}

/** The connection to which missed events are sent. */
export interface ConnectionTarget extends ReplayTarget {
  readonly connectionId: string;
  readonly userId: string;
  send(call: PreparedCall | SharedCall): void;
}

/** Why a connection has left a room: the backend has removed its user, its newest token does not allow the room, or the access rule refuses it. */
export type RemovalReason = 'removed' | 'token' | 'access';

/**
 * Sends the messages to one connection that are not delivered to a room. A room has the name under which the connection has joined the room.
 */
export interface ConnectionNotices {
  /** Tells the client which of its rooms must be loaded again. */
  resync(connection: RoomConnection, reasons: ReadonlyMap<string, LossReason>): void;
  /** Tells the client that it is no longer in the room. */
  removed(connection: RoomConnection, roomId: string, reason: RemovalReason): void;
  /** Tells the client a position that is valid for all of its rooms. */
  position(connection: RoomConnection, position: string): void;
  /** Sends an event that no stream contains. */
  event(connection: RoomConnection, roomId: string, event: IndicatorEvent): void;
}

/** Dependencies of {@link ConnectionRooms}. */
export interface ConnectionRoomsDependencies {
  /** Returns the position of a client that has received every event of this room up to now. */
  currentPosition(roomId: string): string;
  /** See `Replay.catchUp`. */
  catchUp(target: ConnectionTarget, after: Position): Promise<CatchUpOutcome>;
  /** See `Replay.deliveryPoint`. */
  deliveryPoint(roomId: string): DeliveryPoint;
  /** See `Replay.catchUpFromMemory`. */
  catchUpFromMemory(
    lagging: () => readonly LaggingTarget[],
    connection: Pick<ConnectionTarget, 'flushed' | 'isGone'>,
  ): Promise<Pick<ReplayOutcome, 'recovered'>>;
  /** The rooms that a connection is in from the start, and the parts of the room of everybody. */
  readonly standing: StandingRoomsOfHub;
  readonly indicators: Pick<RoomIndicators, 'in' | 'find'>;
  readonly laggingConnections: LaggingConnections;
  /** @defaultValue the messages of the hub `/hubs/events` */
  readonly notices?: ConnectionNotices;
  readonly lossNotices: Pick<LossNotices, 'add' | 'remove' | 'notifyNow'>;
  readonly presence: ConnectionPresence;
  /** See `ReplayAttempts`. */
  readonly replayAttempts: Pick<ReplayAttempts, 'begin' | 'end'>;
  readonly revocations: Pick<Revocations, 'statusOf' | 'accessOf' | 'isSignedOut'>;
  readonly memberConnections: Pick<MemberConnections, 'add' | 'remove'>;
  monotonicMs(): number;
  /** Returns the current position in a form that is valid for every room. */
  positionOfEveryRoom(): string;
  readonly maxRoomsPerConnection: number;
  /** Counts the connections of each tenant. `undefined` if rooms have no tenants. */
  readonly tenantConnections: Pick<TenantConnections, 'tryAdd' | 'remove' | 'removeAll'> | undefined;
  /** Counts the rooms of the connection's user. `tryAdd` returns false if the user already has the maximum. */
  readonly userRooms: {
    tryAdd(connection: RoomConnection): boolean;
    remove(connection: RoomConnection, rooms: number): void;
  };
  /** Called when a client that read too slowly has caught up or must be closed. */
  onSlowClientEnded(outcome: 'caught_up' | 'closed'): void;
}
