// The rooms of one connection. In each room, the connection is either present or lagging. A present connection is in the room's SignalR
// group. A lagging connection is out of the group while it is sent missed events. A connection lags if its client reconnected with a
// position or reads too slowly.
import type { Position } from '@millrace/broker';
import type { BackpressureAction, PreparedCall, SharedCall } from '@millrace/signalr';
import type { GrantedRoom } from '../access/room-guard.js';
import type { User } from '../auth/token-verifier.js';
import { tryAgain } from '../hub/try-again.js';
import { shownToUser } from '../indicators/indicator-changes.js';
import type { ShownByName } from '../indicators/room-indicators.js';
import type { MemberConnection } from '../membership/member-connections.js';
import { connectionEnded, leftRoom, removedFromRoom } from '../membership/removed-from-room.js';
import type { MemberStatus } from '../membership/revocations.js';
import { isListener } from '../reads/reader-encodings.js';
import type { ReplayAttempt } from '../replay/replay-attempts.js';
import { partsOf } from '../replay/replay-target.js';
import { createCatchingUp, replayTarget } from './catching-up.js';
import { EVENTS_NOTICES } from './connection-notices.js';
import { flushAndYield } from './flush-and-yield.js';
import {
  isPendingNoticeGroup,
  type LossListener,
  type LossReason,
  pendingNoticeGroup,
} from './loss-notices.js';
import { sendIndicatorChanges } from './missed-indicators.js';
import { type ReplayRecording, recordedReplay } from './recorded-replay.js';
import type {
  CatchingUp,
  ConnectionNotices,
  ConnectionRoomsDependencies,
  JoinResult,
  RemovalReason,
  RoomConnection,
} from './room-connection.js';
import { returnPlaces, takePlaces } from './room-places.js';
import { type RoomSnapshot, roomSnapshot } from './room-snapshot.js';
import { SlowPeriod } from './slow-period.js';

/**
 * The states of a connection in a room:
 *
 * ```
 * absent ── join without position ─▶ present ── too slow ──▶ lagging
 *    └────── join with position ───▶ lagging ── caught up ─▶ present
 * ```
 * A loss notice may be pending while the connection is present: the room's stream lost entries, and the client was not notified yet
 * (see `LossNotices`). A slow client is notified as soon as it has read its queue (see `SlowPeriod`). Leaving the room ends all of these states. A connection whose missed events cannot be sent after a join becomes
 * present, with the answer `recovered: false`. A slow client whose missed events cannot be sent is disconnected.
 */
export class ConnectionRooms implements LossListener, MemberConnection {
  readonly #dependencies: ConnectionRoomsDependencies;
  /** The open connection, which gets the notices of losses. */
  #connection: RoomConnection | undefined;
  /** True when the connection has ended. It then joins no room any more, because nothing would make it leave. */
  #hasEnded = false;
  /** Rooms that the client joined, except its standing rooms. At most `maxRoomsPerConnection`. */
  readonly #joined = new Set<string>();
  // The following maps are created on first use. Most connections never need them, and an empty map takes 200 bytes.
  /** Rooms in which the connection lags. */
  #catchingUp: Map<string, CatchingUp> | undefined;
  /** Groups in which the connection is present and a notice is pending, each with the reason. */
  #pendingNotices: Map<string, LossReason> | undefined;
  /** The replays that were sent during joins, by room. */
  #replayAttempts: Map<string, ReplayAttempt> | undefined;
  /** Defined while the client reads too slowly. */
  #slowPeriod: SlowPeriod | undefined;

  constructor(dependencies: ConnectionRoomsDependencies) {
    this.#dependencies = dependencies;
  }

  /** Records the replay of a join. */
  get #recording(): ReplayRecording {
    const { replayAttempts, monotonicMs } = this.#dependencies;
    return {
      replayAttempts,
      monotonicMs,
      onBegun: (roomId, attempt) => {
        this.#replayAttempts ??= new Map();
        this.#replayAttempts.set(roomId, attempt);
      },
    };
  }

  get userId(): string {
    return this.#connection?.user.userId ?? '';
  }

  /** True if the client joined the room and its user was not removed since. False for its standing rooms. */
  has(roomId: string): boolean {
    return this.#joined.has(roomId) && this.#catchingUp?.get(roomId)?.limitsAtRemoval === undefined;
  }

  /** As {@link ConnectionRooms.has}, but also true for a standing room in which the connection is. */
  isIn({ groups }: Pick<RoomConnection, 'groups'>, roomId: string): boolean {
    if (this.#joined.has(roomId)) return this.has(roomId);
    const isAway = [this.#catchingUp, this.#pendingNotices].some((rooms) => rooms?.has(roomId));
    return isAway || groups.list().includes(roomId);
  }

  /**
   * Joins a room. Joining twice is harmless. The position in the answer is read in the turn of the event loop
   * in which the connection enters the room. Therefore no event can arrive between the two steps.
   *
   * @param after the position up to which the client has seen every event
   * @throws HubError when the user was removed from the room, when the connection would have too many rooms, or
   * when the missed events cannot be determined now. In the last case, the client should call again. In all
   * cases, the connection is not in the room.
   */
  async join(
    connection: RoomConnection,
    roomId: GrantedRoom,
    after: Position | undefined,
  ): Promise<JoinResult> {
    if (this.#hasEnded) throw connectionEnded();
    if (this.#statusOf(connection, roomId) !== 'member') throw removedFromRoom();
    this.#addJoined(connection, roomId);
    // The answer to the join reports a loss in this room. Notices for other rooms are sent first, because a client applies
    // the position in the answer to all of its rooms.
    this.#leaveGroups(connection, roomId);
    this.#dependencies.lossNotices.notifyNow(connection.connectionId);
    // Without a position there is nothing to recover.
    if (after === undefined)
      return { ...this.#enterAfterJoin(connection, roomId), recovered: false, replayed: 0 };
    // A connection that is already in the room leaves it until it has caught up, so that missed events come before new ones.
    const catchingUp = this.#startCatchingUp(connection, roomId, false);
    let snapshot: RoomSnapshot | undefined;
    const onCaughtUp = (): void => {
      const mayEnter = this.#statusOf(connection, roomId) !== 'removed' && this.#isMember(connection, roomId);
      if (mayEnter) snapshot = this.#enterAfterJoin(connection, roomId);
    };
    const target = replayTarget(connection, catchingUp, () => this.#catchingUp?.get(roomId) === catchingUp);
    const outcome = await this.#dependencies.catchUp(
      { ...target, ...recordedReplay(connection, target, this.#recording), onCaughtUp },
      after,
    );
    if (outcome === 'unknown') {
      this.leave(connection, roomId);
      throw tryAgain('What you missed in this room cannot be determined now.');
    }
    if (this.#statusOf(connection, roomId) === 'removed') {
      this.leave(connection, roomId);
      throw removedFromRoom();
    }
    // The client may have left the room meanwhile, or its rights may have ended.
    if (!this.#isMember(connection, roomId)) throw leftRoom();
    const entered = snapshot ?? this.#enterAfterJoin(connection, roomId);
    // A user who was removed and added again during the join has missed the events from in between.
    const recovered = outcome.recovered && catchingUp.limitsAtRemoval === undefined;
    return { ...entered, ...outcome, recovered };
  }

  /** Leaves a room. Leaving a room that was not joined does nothing. */
  leave(connection: RoomConnection, roomId: string): void {
    if (this.#joined.delete(roomId)) {
      returnPlaces(connection, roomId, this.#dependencies);
      this.#dependencies.presence.left(connection, roomId);
    }
    this.#replayAttempts?.delete(roomId);
    this.#endCatchingUp(connection, roomId);
    this.#leaveGroups(connection, roomId);
  }

  expel(roomId: string): void {
    const connection = this.#connection;
    if (connection === undefined || !this.#joined.has(roomId)) return;
    const catchingUp = this.#catchingUp?.get(roomId);
    if (catchingUp === undefined) {
      this.#expel(connection, roomId, 'removed');
      return;
    }
    // A connection that lags is first sent the events from before the removal. The end of the catch-up expels it.
    catchingUp.limitsAtRemoval ??= this.#dependencies.revocations.accessOf(roomId, connection.user.userId);
    this.#dependencies.presence.left(connection, roomId);
  }

  /** Leaves the rooms that the connection's newest token does not allow, and tells the client. */
  keepOnly(connection: RoomConnection, mayEnter: (roomId: string) => boolean): void {
    for (const roomId of this.#joined)
      if (!mayEnter(roomId) && this.#joined.has(roomId)) this.#expel(connection, roomId, 'token');
  }

  refuse(roomId: string, isConcerned: (user: User) => boolean): void {
    const connection = this.#connection;
    if (connection !== undefined && this.#joined.has(roomId) && isConcerned(connection.user))
      this.#expel(connection, roomId, 'access');
  }

  endIfSignedOut(): void {
    const { revocations } = this.#dependencies;
    const { issuedAtMs = 0, userId = '' } = this.#connection?.user ?? {};
    if (revocations.isSignedOut(userId, issuedAtMs)) this.#connection?.abort();
  }

  /**
   * Called when the connection has opened. From then on, the connection is notified of losses, removals and sign-outs. A user who was
   * signed out during the handshake is signed out now. A user of development mode has no token, so only the sign-out itself counts.
   */
  begin(connection: RoomConnection): void {
    this.#connection = connection;
    this.#dependencies.lossNotices.add(connection.connectionId, this);
    this.#dependencies.presence.opened(connection);
    this.#dependencies.memberConnections.add(this);
    if (connection.user.issuedAtMs !== undefined) this.endIfSignedOut();
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
    for (const room of this.#catchingUp?.values() ?? [])
      if (room.isSlow && partsOf(room).some(affects)) room.loss = reason;
    return this.#pendingNotices !== undefined && this.#pendingNotices.size > 0;
  }

  /**
   * Sends all pending notices in one turn of the event loop. A position follows the last one, because clients apply a
   * position to all of their rooms. It is valid even if the notices make the client too slow, because it lags from this turn on.
   */
  notify(): void {
    const [connection, pending] = [this.#connection, this.#pendingNotices];
    // A notice may fill the queue of the client, and its fall behind calls this method again.
    this.#pendingNotices = undefined;
    if (connection === undefined || pending === undefined || pending.size === 0) return;
    const wasLagging = this.#dependencies.laggingConnections.has(connection.connectionId);
    const reasons = new Map<string, LossReason>();
    for (const [group, reason] of pending) {
      reasons.set(this.#wholeOf(connection, group), reason);
      connection.groups.remove(pendingNoticeGroup(group));
      connection.groups.add(group);
    }
    this.#notices.resync(connection, reasons);
    if (!wasLagging) this.#notices.position(connection, this.#dependencies.positionOfEveryRoom());
  }

  tellPosition(position: string): void {
    if (this.#connection !== undefined) this.#notices.position(this.#connection, position);
  }

  /**
   * Called when the client reads too slowly. Stops queueing events for it. After the client has read its queue, it is sent
   * the missed events of each of its rooms from memory, as fast as it reads.
   *
   * @returns `close` if memory no longer has the events that must be sent next
   */
  async fallBehind(connection: RoomConnection): Promise<BackpressureAction> {
    // Pending notices are sent first, because the events in memory carry positions that hide the loss.
    this.#dependencies.lossNotices.notifyNow(connection.connectionId);
    // This code runs inside the send that found the client too slow. The connection misses the next events and receives them later.
    const rooms = connection.groups.list().map((group) => this.#wholeOf(connection, group));
    for (const roomId of new Set(rooms)) this.#startCatchingUp(connection, roomId, true);
    if (this.#slowPeriod !== undefined) {
      this.#slowPeriod.noteBehindAgain();
      return 'keep';
    }
    const action = await this.#beginSlowPeriod(connection).run();
    if (!connection.signal.aborted)
      this.#dependencies.onSlowClientEnded(action === 'keep' ? 'caught_up' : 'closed');
    return action;
  }

  /**
   * Called when the connection has ended. `wasEndedHere` is true if this gateway ended it, and false if the client or the network
   * did.
   */
  end(connection: RoomConnection, wasEndedHere: boolean): void {
    this.#hasEnded = true;
    if (!wasEndedHere)
      for (const attempt of this.#replayAttempts?.values() ?? [])
        this.#dependencies.replayAttempts.end(attempt);
    this.#dependencies.presence.ended(connection);
    this.#dependencies.lossNotices.remove(connection.connectionId);
    this.#dependencies.memberConnections.remove(this);
    this.#dependencies.tenantConnections?.removeAll(connection.connectionId);
    this.#dependencies.userRooms.remove(connection, this.#joined.size);
    this.#joined.clear();
    for (const roomId of this.#catchingUp?.keys() ?? []) this.#endCatchingUp(connection, roomId);
  }

  #beginSlowPeriod(connection: RoomConnection): SlowPeriod {
    const period = new SlowPeriod(connection, this.#dependencies, {
      lagging: () => [...(this.#catchingUp?.values() ?? [])],
      enter: (room) => this.#enterAgain(connection, room),
      expel: (roomId) => this.#expel(connection, roomId, 'removed'),
      onEnd: () => {
        this.#slowPeriod = undefined;
      },
    });
    this.#slowPeriod = period;
    return period;
  }

  #enterAgain(connection: RoomConnection, { roomId, shown }: CatchingUp): void {
    const changes = { before: shown, after: this.#shownTo(connection, roomId) };
    this.#enter(connection, roomId);
    sendIndicatorChanges(connection, roomId, changes, this.#dependencies);
  }

  /** @throws HubError as {@link takePlaces} */
  #addJoined(connection: RoomConnection, roomId: string): void {
    if (this.#isMember(connection, roomId)) return;
    takePlaces(connection, roomId, this.#joined.size, this.#dependencies);
    this.#joined.add(roomId);
  }

  /** True if the connection has joined the room, or is in it from the start. */
  #isMember({ user }: RoomConnection, roomId: string): boolean {
    if (this.#hasEnded) return false;
    return this.#joined.has(roomId) || this.#dependencies.standing.has(user.userId, roomId);
  }

  #statusOf({ user }: RoomConnection, roomId: string): MemberStatus {
    return this.#dependencies.revocations.statusOf(roomId, user.userId);
  }

  #expel(connection: RoomConnection, roomId: string, reason: RemovalReason): void {
    this.leave(connection, roomId);
    this.#notices.removed(connection, roomId, reason);
    // A reader over HTTP is in no other room.
    if (isListener(connection.protocol)) void flushAndYield(connection).then(() => connection.abort());
  }

  #enter(connection: RoomConnection, roomId: string): RoomSnapshot {
    this.#endCatchingUp(connection, roomId);
    for (const group of this.#groupsOf(connection, roomId)) connection.groups.add(group);
    this.#dependencies.presence.entered(connection, roomId);
    const { currentPosition } = this.#dependencies;
    return roomSnapshot(roomId, currentPosition(roomId), this.#shownTo(connection, roomId));
  }

  /** While the client reads too slowly, the connection also lags in a newly joined room, because the order holds across all rooms. */
  #enterAfterJoin(connection: RoomConnection, roomId: string): RoomSnapshot {
    // The events of this room have positions from after a loss that happened during the join.
    this.#dependencies.lossNotices.notifyNow(connection.connectionId);
    const snapshot = this.#enter(connection, roomId);
    if (this.#slowPeriod !== undefined) this.#startCatchingUp(connection, roomId, true);
    return snapshot;
  }

  #leaveGroups(connection: RoomConnection, roomId: string): void {
    for (const group of this.#groupsOf(connection, roomId)) {
      connection.groups.remove(group);
      if (this.#pendingNotices?.delete(group) === true) connection.groups.remove(pendingNoticeGroup(group));
    }
  }

  #groupsOf({ user }: RoomConnection, roomId: string): readonly string[] {
    return this.#dependencies.standing.partsOf(user.userId, roomId);
  }

  #wholeOf({ user }: RoomConnection, group: string): string {
    return this.#dependencies.standing.wholeOf(user.userId, group);
  }

  #startCatchingUp(connection: RoomConnection, roomId: string, isSlow: boolean): CatchingUp {
    this.#endCatchingUp(connection, roomId);
    this.#leaveGroups(connection, roomId);
    const parts = this.#groupsOf(connection, roomId);
    const shown = this.#shownTo(connection, roomId);
    const { caller } = connection.clients;
    const send = (call: PreparedCall | SharedCall): number => caller.relay(call);
    const onCaughtUp = (): void => this.#slowPeriod?.end(catchingUp);
    const room = { roomId, parts, isSlow, shown, send, onCaughtUp };
    const catchingUp: CatchingUp = createCatchingUp(connection, room, this.#dependencies);
    this.#catchingUp ??= new Map();
    this.#catchingUp.set(roomId, catchingUp);
    this.#dependencies.laggingConnections.add(connection.connectionId, roomId);
    return catchingUp;
  }

  #endCatchingUp(connection: RoomConnection, roomId: string): void {
    if (this.#catchingUp?.delete(roomId) === true)
      this.#dependencies.laggingConnections.remove(connection.connectionId, roomId);
  }

  #shownTo({ user }: RoomConnection, roomId: string): ShownByName {
    const { indicators, monotonicMs } = this.#dependencies;
    return shownToUser(indicators.in(roomId, monotonicMs()), user.userId);
  }

  get #notices(): ConnectionNotices {
    return this.#dependencies.notices ?? EVENTS_NOTICES;
  }
}
