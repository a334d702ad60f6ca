// The rooms of one connection. In most it is present: in the room's group. In some it lags: it is out of the group and is being sent
// what it missed. A connection lags because the client came back with a position, or because it reads more slowly than it is sent.
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Position } from '@millrace/broker';
import { type IndicatedUser, userKey } from '@millrace/contract';
import { type BackpressureAction, type HubContext, HubError } from '@millrace/signalr';
import { personalRoomOf } from '../auth/room-access.js';
import type { User } from '../auth/token-verifier.js';
import type { EventsClient } from '../hub/events-client.js';
import { tryAgain } from '../hub/try-again.js';
import { changesBetween, shownToUser } from '../indicators/indicator-changes.js';
import { type RoomIndicators, type ShownByName, TYPING } from '../indicators/room-indicators.js';
import type { CatchUpOutcome, DeliveryPoint, ReplayOutcome, ReplayTarget } from '../replay/replay.js';
import type { ReplayAttempt, ReplayAttempts } from '../replay/replay-attempts.js';
import type { LaggingConnections } from './lagging-connections.js';
import {
  isPendingNoticeGroup,
  type LossNotices,
  type LossReason,
  pendingNoticeGroup,
} from './loss-notices.js';

/** The parts of a hub's context that its rooms use. */
export type RoomConnection = Pick<
  HubContext<EventsClient, User, unknown>,
  'connectionId' | 'user' | 'groups' | 'clients' | 'signal' | 'flushed'
>;

/** Answer of `JoinRoom`. */
export interface JoinResult {
  readonly roomId: string;
  /** Everything after this position will be sent. */
  readonly position: string;
  /** True only if everything after the given position has been sent before this answer. */
  readonly recovered: boolean;
  /** Number of missed events that were sent. */
  readonly replayed: number;
  /** Other users who are typing in the room now. */
  readonly typing: readonly IndicatedUser[];
  /** Users whom other indicators of the catalog show, by name of the indicator; left out if they show nobody. */
  readonly indicators?: Readonly<Record<string, readonly IndicatedUser[]>>;
}

/** State of a room as a client finds it on entering. */
type RoomSnapshot = Omit<JoinResult, 'recovered' | 'replayed'>;

/** Dependencies of {@link ConnectionRooms}. */
export interface ConnectionRoomsDependencies {
  /** Position of a client that has been sent everything of this room handled so far. */
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
  /** As `currentPosition`, for every room. */
  positionOfEveryRoom(): string;
  readonly maxRoomsPerConnection: number;
  /** Called when a client that read too slowly has caught up, or is given up. */
  onSlowClientEnded(outcome: 'caught_up' | 'closed'): void;
}

/** A room in which the connection lags, and since when. A later one of the same room replaces it. */
interface CatchingUp {
  /** True when the client reads too slowly; false when it joined with a position. */
  readonly isSlow: boolean;
  readonly since: DeliveryPoint;
  /** The users whom indicators showed when the client was last told. */
  readonly shown: ShownByName;
}

/**
 * ```
 * absent ── join without position ─▶ present ── too slow ──▶ lagging
 *    └────── join with position ───▶ lagging ── caught up ─▶ present
 * ```
 * In a room in which it is present a notice may be pending for a while: the room's stream lost entries, and the client was not notified
 * yet (see `LossNotices`). Leaving ends each of these states. If a lagging connection cannot be sent what it missed, a join makes it
 * present all the same and says so, and a slow client is disconnected.
 */
export class ConnectionRooms {
  readonly #dependencies: ConnectionRoomsDependencies;
  /** Rooms that the client asked for, its personal room not counted; `maxRoomsPerConnection` at the most. */
  readonly #joined = new Set<string>();
  /** Rooms in which the connection lags. */
  readonly #catchingUp = new Map<string, CatchingUp>();
  /** Rooms in which the connection is present and a notice is pending, with the reason. */
  readonly #pendingNotices = new Map<string, LossReason>();
  /** Replays that joins were sent, by room. */
  readonly #replayAttempts = new Map<string, ReplayAttempt>();
  #isCatchingUp = false;

  constructor(dependencies: ConnectionRoomsDependencies) {
    this.#dependencies = dependencies;
  }

  /** True when the client joined the room. */
  has(roomId: string): boolean {
    return this.#joined.has(roomId);
  }

  /**
   * Joins a room; joining twice is harmless. The answer is read in the turn in which the connection enters the room, so that no
   * event can fall between.
   *
   * @param after the client has seen everything up to there
   * @throws HubError when these would be too many rooms, or when it cannot be determined now what was missed: then the connection is
   * not in the room, and the client is to call again
   */
  async join(connection: RoomConnection, roomId: string, after: Position | undefined): Promise<JoinResult> {
    this.#addJoined(connection, roomId);
    // The answer reports a loss in this room. No notice may be pending in the others meanwhile: a client's position is that of all its rooms.
    this.#leaveGroups(connection, roomId);
    this.#dependencies.lossNotices.notifyNow(connection.connectionId);
    // Without a position there is nothing to recover.
    if (after === undefined) return { ...this.#enter(connection, roomId), recovered: false, replayed: 0 };
    // A connection that is in the room already leaves it meanwhile: what is missed comes before anything new.
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
    this.#joined.delete(roomId);
    this.#replayAttempts.delete(roomId);
    this.#endCatchingUp(connection, roomId);
    this.#leaveGroups(connection, roomId);
  }

  /** Called when the connection is open: from now on it is notified of losses. */
  begin(connection: RoomConnection): void {
    this.#dependencies.lossNotices.add(connection.connectionId, {
      noteLoss: (affects, reason) => this.#noteLoss(connection, affects, reason),
      notify: () => this.#notifyOfLosses(connection),
    });
  }

  /**
   * Called when the client reads too slowly: nothing more is queued for it. When it has taken what is queued, it is sent what it missed
   * in each of its rooms from memory, at the pace at which it reads.
   *
   * @returns `close` when memory has lost what would be sent next
   */
  async fallBehind(connection: RoomConnection): Promise<BackpressureAction> {
    // The events that it will be sent carry positions that hide a loss.
    this.#dependencies.lossNotices.notifyNow(connection.connectionId);
    // In the very send that found it too slow: this connection misses the next event and is sent it later.
    for (const roomId of connection.groups.list()) this.#startCatchingUp(connection, roomId, true);
    if (this.#isCatchingUp) return 'keep';
    const action = await this.#catchUpAll(connection);
    if (!connection.signal.aborted)
      this.#dependencies.onSlowClientEnded(action === 'keep' ? 'caught_up' : 'closed');
    return action;
  }

  /** Called when the connection has ended. `wasEndedHere`: this gateway ended it, not the client or the network. */
  end(connection: RoomConnection, wasEndedHere: boolean): void {
    if (!wasEndedHere)
      for (const attempt of this.#replayAttempts.values()) this.#dependencies.replayAttempts.end(attempt);
    this.#dependencies.lossNotices.remove(connection.connectionId);
    for (const roomId of this.#catchingUp.keys()) this.#endCatchingUp(connection, roomId);
  }

  /** Catches up in one room after the other until the client lags in none; those in which it falls behind meanwhile included. */
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

  /** Returns false when memory has lost what was missed. */
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
    for (const entry of this.#catchingUp) if (entry[1].isSlow) return entry;
    return undefined;
  }

  /** @throws HubError when there are too many */
  #addJoined(connection: RoomConnection, roomId: string): void {
    const { maxRoomsPerConnection } = this.#dependencies;
    if (roomId === personalRoomOf(connection.user.userId)) return;
    if (!this.#joined.has(roomId) && this.#joined.size >= maxRoomsPerConnection)
      throw new HubError(`A connection may join at most ${maxRoomsPerConnection} rooms.`);
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

  #noteLoss(connection: RoomConnection, affects: (roomId: string) => boolean, reason: LossReason): boolean {
    for (const group of connection.groups.list()) {
      if (isPendingNoticeGroup(group) || !affects(group)) continue;
      connection.groups.remove(group);
      connection.groups.add(pendingNoticeGroup(group));
      this.#pendingNotices.set(group, reason);
    }
    return this.#pendingNotices.size > 0;
  }

  /** Sends all notices in one turn. The position follows the last of them, because clients apply it to all of their rooms. */
  #notifyOfLosses(connection: RoomConnection): void {
    if (this.#pendingNotices.size === 0) return;
    for (const [roomId, reason] of this.#pendingNotices) {
      connection.clients.caller.send('resync', { room_id: roomId, reason });
      connection.groups.remove(pendingNoticeGroup(roomId));
      connection.groups.add(roomId);
    }
    this.#pendingNotices.clear();
    if (this.#dependencies.laggingConnections.has(connection.connectionId)) return;
    connection.clients.caller.send('position', { position: this.#dependencies.positionOfEveryRoom() });
  }

  #leaveGroups(connection: RoomConnection, roomId: string): void {
    connection.groups.remove(roomId);
    if (this.#pendingNotices.delete(roomId)) connection.groups.remove(pendingNoticeGroup(roomId));
  }

  #startCatchingUp(connection: RoomConnection, roomId: string, isSlow: boolean): CatchingUp {
    this.#endCatchingUp(connection, roomId);
    this.#leaveGroups(connection, roomId);
    const since = this.#dependencies.deliveryPoint(roomId);
    const catchingUp = { isSlow, since, shown: this.#shownTo(connection, roomId) };
    this.#catchingUp.set(roomId, catchingUp);
    this.#dependencies.laggingConnections.add(connection.connectionId, roomId);
    return catchingUp;
  }

  #endCatchingUp(connection: RoomConnection, roomId: string): void {
    if (this.#catchingUp.delete(roomId))
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
      isGone: () => connection.signal.aborted || this.#catchingUp.get(roomId) !== catchingUp,
    };
  }

  /** Functions for the target of a join: they record its replay as an attempt. */
  #withAttempt(
    connection: RoomConnection,
    { roomId, send }: Pick<ReplayTarget, 'roomId' | 'send'>,
  ): Pick<ReplayTarget, 'send' | 'mayReplay'> {
    const { replayAttempts, monotonicMs } = this.#dependencies;
    let attempt: ReplayAttempt | undefined;
    return {
      mayReplay: async (firstEventId) => {
        attempt = await replayAttempts.begin(userKey(connection.user.userId), roomId, firstEventId);
        if (attempt !== undefined) this.#replayAttempts.set(roomId, attempt);
        return attempt !== undefined;
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

  /** Indicators are not replayed, so a client that was out of the room is sent what has changed. */
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

/** Resolves when the client has taken what was sent. Other connections get their turn, even when this one reads as fast as we write. */
async function flushAndYield(connection: RoomConnection): Promise<void> {
  await connection.flushed();
  await setImmediate();
}
