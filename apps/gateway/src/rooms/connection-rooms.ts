// The rooms of one connection. In each room, the connection is either present or lagging. A present
// connection is in the room's SignalR group. A lagging connection is out of the group while it is sent missed
// events. A connection lags if its client reconnected with a position or reads too slowly.
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Position } from '@millrace/broker';
import type { IndicatedUser } from '@millrace/contract';
import { userKey } from '@millrace/internal';
import { type BackpressureAction, type HubContext, HubError } from '@millrace/signalr';
import { personalRoomOf } from '../auth/room-access.js';
import type { User } from '../auth/token-verifier.js';
import type { EventsClient } from '../hub/events-client.js';
import { tryAgain } from '../hub/try-again.js';
import { changesBetween, shownToUser } from '../indicators/indicator-changes.js';
import { type RoomIndicators, type ShownByName, TYPING } from '../indicators/room-indicators.js';
import type { CatchUpOutcome, DeliveryPoint, ReplayOutcome, ReplayTarget } from '../replay/replay.js';
import type { ReplayAttempt, ReplayAttempts } from '../replay/replay-attempts.js';
import type { TenantConnections } from '../tenants/tenant-connections.js';
import type { LaggingConnections } from './lagging-connections.js';
import {
  isPendingNoticeGroup,
  type LossListener,
  type LossNotices,
  type LossReason,
  pendingNoticeGroup,
} from './loss-notices.js';

/** The parts of a connection's hub context that its rooms use. */
export type RoomConnection = Pick<
  HubContext<EventsClient, User, unknown>,
  'connectionId' | 'userId' | 'user' | 'request' | 'groups' | 'clients' | 'signal' | 'flushed'
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

/** The state of a room at the moment at which a client enters it. */
type RoomSnapshot = Omit<JoinResult, 'recovered' | 'replayed'>;

/** Dependencies of {@link ConnectionRooms}. */
export interface ConnectionRoomsDependencies {
  /** Returns the position of a client that has received every event of this room that this gateway has handled so far. */
  currentPosition(roomId: string): string;
  /** See `Replay.catchUp`. */
  catchUp(target: ReplayTarget, after: Position): Promise<CatchUpOutcome>;
  /** See `Replay.deliveryPoint`. */
  deliveryPoint(roomId: string): DeliveryPoint;
  /** See `Replay.catchUpFromMemory`. */
  catchUpFromMemory(target: Omit<ReplayTarget, 'mayReplay'>, since: DeliveryPoint): Promise<ReplayOutcome>;
  readonly indicators: Pick<RoomIndicators, 'in' | 'find'>;
  readonly laggingConnections: LaggingConnections;
  readonly lossNotices: Pick<LossNotices, 'add' | 'remove' | 'notifyNow'>;
  /** See `ReplayAttempts`. */
  readonly replayAttempts: Pick<ReplayAttempts, 'begin' | 'end'>;
  monotonicMs(): number;
  /** Returns the current position in a form that is valid for every room. */
  positionOfEveryRoom(): string;
  readonly maxRoomsPerConnection: number;
  /** Counts the connections of each tenant. `undefined` if rooms have no tenants. */
  readonly tenantConnections: Pick<TenantConnections, 'tryAdd' | 'remove' | 'removeAll'> | undefined;
  /** Counts the rooms of the connection's user. `tryAdd` returns false if the user has the maximum. */
  readonly userRooms: {
    tryAdd(connection: RoomConnection): boolean;
    remove(connection: RoomConnection, rooms: number): void;
  };
  /** Called when a client that read too slowly has caught up, or when its connection must be closed. */
  onSlowClientEnded(outcome: 'caught_up' | 'closed'): void;
}

/**
 * Describes how the connection lags in one room. If the connection lags again later, a new object replaces
 * this object.
 */
interface CatchingUp {
  /** True when the client reads too slowly. False when the client joined with a position. */
  readonly isSlow: boolean;
  readonly since: DeliveryPoint;
  /** The users whom indicators showed when the connection began to lag. */
  readonly shown: ShownByName;
}

/**
 * The states of a connection in a room:
 *
 * ```
 * absent ── join without position ─▶ present ── too slow ──▶ lagging
 *    └────── join with position ───▶ lagging ── caught up ─▶ present
 * ```
 * While the connection is present, a loss notice may be pending: the room's stream lost entries, and the client was not notified
 * yet (see `LossNotices`). Leaving the room ends all of these states. If missed events cannot be sent after a join, the connection
 * becomes present, and the answer is `recovered: false`. If missed events cannot be sent to a slow client, it is disconnected.
 */
export class ConnectionRooms implements LossListener {
  readonly #dependencies: ConnectionRoomsDependencies;
  /** The open connection, which is notified of losses. */
  #connection: RoomConnection | undefined;
  /** Rooms that the client joined, except its personal room. At most `maxRoomsPerConnection`. */
  readonly #joined = new Set<string>();
  // The following maps are created on first use, because most connections never need them, and an empty map
  // takes 200 bytes.
  /** Rooms in which the connection lags. */
  #catchingUp: Map<string, CatchingUp> | undefined;
  /** Rooms in which the connection is present and a notice is pending, with the reason. */
  #pendingNotices: Map<string, LossReason> | undefined;
  /** The replays that were sent during joins, by room. */
  #replayAttempts: Map<string, ReplayAttempt> | undefined;
  #isCatchingUp = false;

  constructor(dependencies: ConnectionRoomsDependencies) {
    this.#dependencies = dependencies;
  }

  /** True when the client joined the room. False for its personal room. */
  has(roomId: string): boolean {
    return this.#joined.has(roomId);
  }

  /**
   * Joins a room. Joining twice is harmless. The position in the answer is read in the turn of the event loop
   * in which the connection enters the room. Therefore no event can arrive between the two steps.
   *
   * @param after the position up to which the client has seen every event
   * @throws HubError when the connection would have too many rooms, or when the missed events cannot be
   * determined now. In the second case, the client should call again. In both cases, the connection is not in
   * the room.
   */
  async join(connection: RoomConnection, roomId: string, after: Position | undefined): Promise<JoinResult> {
    this.#addJoined(connection, roomId);
    // The answer to the join reports a loss in this room. Notices for other rooms are sent now, because a client applies the
    // position in the answer to all of its rooms.
    this.#leaveGroups(connection, roomId);
    this.#dependencies.lossNotices.notifyNow(connection.connectionId);
    // Without a position there is nothing to recover.
    if (after === undefined) return { ...this.#enter(connection, roomId), recovered: false, replayed: 0 };
    // A connection that is in the room already leaves it until it has caught up, so that missed events come before new ones.
    const catchingUp = this.#startCatchingUp(connection, roomId, false);
    let snapshot: RoomSnapshot | undefined;
    const onCaughtUp = (): void => {
      snapshot = this.#enter(connection, roomId);
    };
    const target = this.#target(connection, roomId, catchingUp);
    const outcome = await this.#dependencies.catchUp(
      { ...target, ...this.#withAttempt(connection, target), onCaughtUp },
      after,
    );
    if (outcome === 'unknown') {
      this.leave(connection, roomId);
      throw tryAgain('What you missed in this room cannot be determined now.');
    }
    return { ...(snapshot ?? this.#enter(connection, roomId)), ...outcome };
  }

  /** Leaves a room. Leaving a room that was not joined does nothing. */
  leave(connection: RoomConnection, roomId: string): void {
    if (this.#joined.delete(roomId)) {
      this.#dependencies.tenantConnections?.remove(connection.connectionId, roomId);
      this.#dependencies.userRooms.remove(connection, 1);
    }
    this.#replayAttempts?.delete(roomId);
    this.#endCatchingUp(connection, roomId);
    this.#leaveGroups(connection, roomId);
  }

  /** Called when the connection has opened. From then on, the connection is notified of losses. */
  begin(connection: RoomConnection): void {
    this.#connection = connection;
    this.#dependencies.lossNotices.add(connection.connectionId, this);
  }

  noteLoss(affects: (roomId: string) => boolean, reason: LossReason): boolean {
    const connection = this.#connection;
    if (connection === undefined) return false;
    for (const group of connection.groups.list()) {
      if (isPendingNoticeGroup(group) || !affects(group)) continue;
      connection.groups.remove(group);
      connection.groups.add(pendingNoticeGroup(group));
      this.#pendingNotices ??= new Map();
      this.#pendingNotices.set(group, reason);
    }
    return this.#pendingNotices !== undefined && this.#pendingNotices.size > 0;
  }

  /**
   * Sends all pending notices in one turn of the event loop. A position follows the last notice, because clients apply a position
   * to all of their rooms.
   */
  notify(): void {
    const connection = this.#connection;
    if (connection === undefined || this.#pendingNotices === undefined || this.#pendingNotices.size === 0)
      return;
    for (const [roomId, reason] of this.#pendingNotices) {
      connection.clients.caller.send('resync', { room_id: roomId, reason });
      connection.groups.remove(pendingNoticeGroup(roomId));
      connection.groups.add(roomId);
    }
    this.#pendingNotices = undefined;
    if (this.#dependencies.laggingConnections.has(connection.connectionId)) return;
    connection.clients.caller.send('position', { position: this.#dependencies.positionOfEveryRoom() });
  }

  /**
   * Called when the client reads too slowly. Stops queueing events for the client. After the client has read
   * its queue, it is sent the missed events of each of its rooms. These events come from memory, and are sent
   * as fast as the client reads.
   *
   * @returns `close` when memory no longer has the events that must be sent next
   */
  async fallBehind(connection: RoomConnection): Promise<BackpressureAction> {
    // Pending notices are sent first, because the events in memory carry positions that hide the loss.
    this.#dependencies.lossNotices.notifyNow(connection.connectionId);
    // This code runs inside the send that found the client too slow. The connection misses the next events and receives them later.
    for (const roomId of connection.groups.list()) this.#startCatchingUp(connection, roomId, true);
    if (this.#isCatchingUp) return 'keep';
    const action = await this.#catchUpAll(connection);
    if (!connection.signal.aborted)
      this.#dependencies.onSlowClientEnded(action === 'keep' ? 'caught_up' : 'closed');
    return action;
  }

  /**
   * Called when the connection has ended. `wasEndedHere` is true if this gateway ended it, and false if the client or the network
   * did.
   */
  end(connection: RoomConnection, wasEndedHere: boolean): void {
    if (!wasEndedHere)
      for (const attempt of this.#replayAttempts?.values() ?? [])
        this.#dependencies.replayAttempts.end(attempt);
    this.#dependencies.lossNotices.remove(connection.connectionId);
    this.#dependencies.tenantConnections?.removeAll(connection.connectionId);
    this.#dependencies.userRooms.remove(connection, this.#joined.size);
    this.#joined.clear();
    for (const roomId of this.#catchingUp?.keys() ?? []) this.#endCatchingUp(connection, roomId);
  }

  /**
   * Catches up in one room after the other until the client lags in no room. Repeats this for rooms in which the client falls
   * behind again.
   */
  async #catchUpAll(connection: RoomConnection): Promise<BackpressureAction> {
    this.#isCatchingUp = true;
    try {
      await flushAndYield(connection);
      while (!connection.signal.aborted) {
        const next = this.#nextSlowRoom();
        if (next === undefined) break;
        if (!(await this.#catchUpIn(connection, ...next))) return 'close';
      }
      return 'keep';
    } finally {
      this.#isCatchingUp = false;
    }
  }

  /** Sends the events that were missed in a room. Returns false when memory no longer has all of them. */
  async #catchUpIn(connection: RoomConnection, roomId: string, catchingUp: CatchingUp): Promise<boolean> {
    const target = this.#target(connection, roomId, catchingUp);
    const onCaughtUp = (): void => {
      this.#sendIndicatorChanges(connection, roomId, catchingUp.shown);
      this.#enter(connection, roomId);
    };
    const { recovered } = await this.#dependencies.catchUpFromMemory(
      { ...target, onCaughtUp },
      catchingUp.since,
    );
    return recovered || target.isGone();
  }

  #nextSlowRoom(): readonly [string, CatchingUp] | undefined {
    for (const entry of this.#catchingUp ?? []) if (entry[1].isSlow) return entry;
    return undefined;
  }

  /** @throws HubError when the connection, or its user, has joined too many rooms */
  #addJoined(connection: RoomConnection, roomId: string): void {
    const { maxRoomsPerConnection, tenantConnections, userRooms } = this.#dependencies;
    if (this.#joined.has(roomId) || roomId === personalRoomOf(connection.user.userId)) return;
    if (this.#joined.size >= maxRoomsPerConnection)
      throw new HubError(`A connection may join at most ${maxRoomsPerConnection} rooms.`);
    if (!userRooms.tryAdd(connection))
      throw new HubError(
        'You have joined the maximum number of rooms over all of your connections: leave some.',
      );
    if (tenantConnections?.tryAdd(connection.connectionId, roomId) === false) {
      userRooms.remove(connection, 1);
      throw tryAgain('The tenant of this room has the maximum number of connections to this gateway.');
    }
    this.#joined.add(roomId);
  }

  #enter(connection: RoomConnection, roomId: string): RoomSnapshot {
    this.#endCatchingUp(connection, roomId);
    connection.groups.add(roomId);
    const position = this.#dependencies.currentPosition(roomId);
    const { [TYPING]: typing = [], ...indicators } = Object.fromEntries(this.#shownTo(connection, roomId));
    const snapshot = { roomId, position, typing };
    return Object.keys(indicators).length === 0 ? snapshot : { ...snapshot, indicators };
  }

  #leaveGroups(connection: RoomConnection, roomId: string): void {
    connection.groups.remove(roomId);
    if (this.#pendingNotices?.delete(roomId) === true) connection.groups.remove(pendingNoticeGroup(roomId));
  }

  #startCatchingUp(connection: RoomConnection, roomId: string, isSlow: boolean): CatchingUp {
    this.#endCatchingUp(connection, roomId);
    this.#leaveGroups(connection, roomId);
    const since = this.#dependencies.deliveryPoint(roomId);
    const catchingUp = { isSlow, since, shown: this.#shownTo(connection, roomId) };
    this.#catchingUp ??= new Map();
    this.#catchingUp.set(roomId, catchingUp);
    this.#dependencies.laggingConnections.add(connection.connectionId, roomId);
    return catchingUp;
  }

  #endCatchingUp(connection: RoomConnection, roomId: string): void {
    if (this.#catchingUp?.delete(roomId) === true)
      this.#dependencies.laggingConnections.remove(connection.connectionId, roomId);
  }

  #target(
    connection: RoomConnection,
    roomId: string,
    catchingUp: CatchingUp,
  ): Omit<ReplayTarget, 'onCaughtUp' | 'mayReplay'> {
    const { caller } = connection.clients;
    return {
      roomId,
      send: (call) => caller.relay(call),
      flushed: () => flushAndYield(connection),
      isGone: () => connection.signal.aborted || this.#catchingUp?.get(roomId) !== catchingUp,
    };
  }

  /** Returns functions for the replay target of a join. The functions record the replay as an attempt (see `ReplayAttempts`). */
  #withAttempt(
    connection: RoomConnection,
    { roomId, send }: Pick<ReplayTarget, 'roomId' | 'send'>,
  ): Pick<ReplayTarget, 'send' | 'mayReplay'> {
    const { replayAttempts, monotonicMs } = this.#dependencies;
    let attempt: ReplayAttempt | undefined;
    return {
      mayReplay: async (firstEventId) => {
        attempt = await replayAttempts.begin(userKey(connection.user.userId), roomId, firstEventId);
        if (attempt === undefined) return false;
        this.#replayAttempts ??= new Map();
        this.#replayAttempts.set(roomId, attempt);
        return true;
      },
      send: (event) => {
        if (attempt !== undefined) attempt.lastMs = monotonicMs();
        send(event);
      },
    };
  }

  #shownTo({ user }: RoomConnection, roomId: string): ShownByName {
    const { indicators, monotonicMs } = this.#dependencies;
    return shownToUser(indicators.in(roomId, monotonicMs()), user.userId);
  }

  /** Sends the changes of indicators since `before`. A client that lagged missed them, because their events are not replayed. */
  #sendIndicatorChanges(connection: RoomConnection, roomId: string, before: ShownByName): void {
    const { indicators } = this.#dependencies;
    for (const { name, user, isShown } of changesBetween(before, this.#shownTo(connection, roomId))) {
      const event = indicators.find(name)?.eventOf(user, isShown);
      if (event === undefined) continue;
      const { type: event_type, payload } = event;
      connection.clients.caller.send(event_type, {
        event_id: randomUUID(),
        event_type,
        timestamp: new Date().toISOString(),
        room_id: roomId,
        payload,
        position: this.#dependencies.currentPosition(roomId),
      });
    }
  }
}

/**
 * Resolves when the client has taken all sent events, but not before the next turn of the event loop.
 * Therefore a client that reads fast does not delay other connections.
 */
async function flushAndYield(connection: RoomConnection): Promise<void> {
  await connection.flushed();
  await setImmediate();
}
