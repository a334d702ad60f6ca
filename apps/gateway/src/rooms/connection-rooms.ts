// The rooms of one connection. Most are present: in the room's group. In some the connection is behind: out of the group, being
// sent what it missed. Two ways lead there: the client came back with a position, or it reads more slowly than it is sent.
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
import type { CatchUpOutcome, ReplayOutcome, ReplayTarget, RoomMark } from '../replay/replay.js';
import type { ReplayRound, ReplayRounds } from '../replay/replay-attempts.js';
import type { Laggards } from './lagging-connections.js';
import { isUntoldGroup, type Losses, type LossReason, untoldGroup } from './loss-notices.js';

/** The connection as its rooms see it. */
export type RoomMember = Pick<
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
  /** How many missed events were sent. */
  readonly replayed: number;
  /** Who else is typing in the room now. */
  readonly typing: readonly IndicatedUser[];
  /** Users whom other indicators of the catalog show, by name of the indicator; left out if they show nobody. */
  readonly indicators?: Readonly<Record<string, readonly IndicatedUser[]>>;
}

/** Answer to a client that enters a room. */
type Entrance = Omit<JoinResult, 'recovered' | 'replayed'>;

/** What the rooms of a connection need of the gateway. */
export interface RoomPorts {
  /** Position of a client that has been sent everything of this room handled so far. */
  currentPosition(roomId: string): string;
  /** See `Replay.catchUp`. */
  catchUp(target: ReplayTarget, after: Position): Promise<CatchUpOutcome>;
  /** See `Replay.mark`. */
  mark(roomId: string): RoomMark;
  /** See `Replay.followUp`. */
  followUp(target: Omit<ReplayTarget, 'mayBegin'>, mark: RoomMark): Promise<ReplayOutcome>;
  readonly indicators: Pick<RoomIndicators, 'in' | 'find'>;
  readonly laggards: Laggards;
  readonly losses: Pick<Losses, 'add' | 'remove' | 'tellNow'>;
  /** See `ReplayRounds`. */
  readonly rounds: Pick<ReplayRounds, 'begin' | 'end'>;
  monotonicMs(): number;
  /** As `currentPosition`, for every room. */
  positionOfEveryRoom(): string;
  readonly maxRoomsPerConnection: number;
  /** A client that read too slowly is up to date again, or is given up. */
  slowClientEnded(outcome: 'caught_up' | 'closed'): void;
}

/** Why a room is behind, and since when. Another one of the same room ends it. */
interface Absence {
  readonly isSlow: boolean;
  readonly mark: RoomMark;
  /** The users whom indicators showed when the client was last told. */
  readonly shown: ShownByName;
}

/**
 * ```
 * absent ── join without position ─▶ present ── too slow ──▶ behind
 *    └────── join with position ───▶ behind ── up to date ─▶ present
 * ```
 * A room that is present may be untold for a while: its stream lost entries, and the client was not told yet (see `Losses`).
 * Leaving ends each of them. A room that is behind and cannot be brought up to date is present after a join, which says so, and ends
 * the connection of a slow client.
 */
export class ConnectionRooms {
  readonly #ports: RoomPorts;
  /** Rooms that the client asked for, its personal room not counted; `maxRoomsPerConnection` at the most. */
  readonly #joined = new Set<string>();
  /** Rooms that are behind. */
  readonly #absences = new Map<string, Absence>();
  /** Rooms that are present and untold, and why. */
  readonly #untold = new Map<string, LossReason>();
  /** Replays that joins were sent, by room. */
  readonly #rounds = new Map<string, ReplayRound>();
  #isCatchingUp = false;

  constructor(ports: RoomPorts) {
    this.#ports = ports;
  }

  /** Whether the client joined the room. */
  has(roomId: string): boolean {
    return this.#joined.has(roomId);
  }

  /**
   * Joins a room; joining twice is harmless. What is answered is read in the turn in which the connection enters the room, so that no
   * event can fall between.
   *
   * @param after the client has seen everything up to there
   * @throws HubError when these would be too many rooms, or when what was missed cannot be told now: then the connection is not in the
   * room, and the client is to call again
   */
  async join(member: RoomMember, roomId: string, after: Position | undefined): Promise<JoinResult> {
    this.#note(member, roomId);
    // This room's answer says that it was lost. No other may be untold while one is new: a client's position is that of all its rooms.
    this.#takeOut(member, roomId);
    this.#ports.losses.tellNow(member.connectionId);
    // Without a position there is nothing to recover, and nobody claims to have done it.
    if (after === undefined) return { ...this.#enter(member, roomId), recovered: false, replayed: 0 };
    // Who is in the room already leaves it meanwhile: what is missed comes before anything new.
    const absence = this.#stepOut(member, roomId, false);
    let entered: Entrance | undefined;
    const arrive = (): void => {
      entered = this.#enter(member, roomId);
    };
    const target = this.#target(member, roomId, absence);
    const outcome = await this.#ports.catchUp({ ...target, ...this.#watched(member, target), arrive }, after);
    if (outcome === 'unknown') {
      this.leave(member, roomId);
      throw tryAgain('What you missed in this room cannot be told now.');
    }
    return { ...(entered ?? this.#enter(member, roomId)), ...outcome };
  }

  /** Leaves a room. Leaving a room that was not joined does nothing. */
  leave(member: RoomMember, roomId: string): void {
    this.#joined.delete(roomId);
    this.#rounds.delete(roomId);
    this.#endAbsence(member, roomId);
    this.#takeOut(member, roomId);
  }

  /** The connection is open: from now on it is told of losses. */
  begin(member: RoomMember): void {
    this.#ports.losses.add(member.connectionId, {
      lose: (concerns, reason) => this.#lose(member, concerns, reason),
      tell: () => this.#tell(member),
    });
  }

  /**
   * The client reads too slowly: nothing more is queued for it. When it has taken what is queued, each of its rooms is brought up to
   * date from memory, at the pace at which it reads.
   *
   * @returns `close` when memory has lost what would be next
   */
  async fallBehind(member: RoomMember): Promise<BackpressureAction> {
    // The events that bring it up to date carry positions that hide a loss.
    this.#ports.losses.tellNow(member.connectionId);
    // In the very send that found it too slow: what comes next is missed by this connection, and will be followed up.
    for (const roomId of member.groups.list()) this.#stepOut(member, roomId, true);
    if (this.#isCatchingUp) return 'keep';
    const verdict = await this.#catchUpAll(member);
    if (!member.signal.aborted) this.#ports.slowClientEnded(verdict === 'keep' ? 'caught_up' : 'closed');
    return verdict;
  }

  /** The connection has ended. `wasEndedHere`: the client did not end it, nor did the network. */
  end(member: RoomMember, wasEndedHere: boolean): void {
    if (!wasEndedHere) for (const round of this.#rounds.values()) this.#ports.rounds.end(round);
    this.#ports.losses.remove(member.connectionId);
    for (const roomId of this.#absences.keys()) this.#endAbsence(member, roomId);
  }

  /** Until no room is behind because its client is slow, those included that fall behind meanwhile. */
  async #catchUpAll(member: RoomMember): Promise<BackpressureAction> {
    this.#isCatchingUp = true;
    try {
      await takeTurn(member);
      while (!member.signal.aborted) {
        const late = this.#nextLate();
        if (late === undefined) break;
        if (!(await this.#isCaughtUp(member, ...late))) return 'close';
      }
      return 'keep';
    } finally {
      this.#isCatchingUp = false;
    }
  }

  /** False when that is not possible. */
  async #isCaughtUp(member: RoomMember, roomId: string, absence: Absence): Promise<boolean> {
    const target = this.#target(member, roomId, absence);
    const arrive = (): void => {
      this.#tellIndicators(member, roomId, absence.shown);
      this.#enter(member, roomId);
    };
    const { recovered } = await this.#ports.followUp({ ...target, arrive }, absence.mark);
    return recovered || target.isGone();
  }

  #nextLate(): readonly [string, Absence] | undefined {
    for (const entry of this.#absences) if (entry[1].isSlow) return entry;
    return undefined;
  }

  /** @throws HubError when there are too many */
  #note(member: RoomMember, roomId: string): void {
    const { maxRoomsPerConnection } = this.#ports;
    if (roomId === personalRoomOf(member.user.userId)) return;
    if (!this.#joined.has(roomId) && this.#joined.size >= maxRoomsPerConnection)
      throw new HubError(`A connection may join at most ${maxRoomsPerConnection} rooms.`);
    this.#joined.add(roomId);
  }

  #enter(member: RoomMember, roomId: string): Entrance {
    this.#endAbsence(member, roomId);
    member.groups.add(roomId);
    const position = this.#ports.currentPosition(roomId);
    const { [TYPING]: typing = [], ...indicators } = Object.fromEntries(this.#shownTo(member, roomId));
    const entrance = { roomId, position, typing };
    return Object.keys(indicators).length === 0 ? entrance : { ...entrance, indicators };
  }

  #lose(member: RoomMember, concerns: (roomId: string) => boolean, reason: LossReason): boolean {
    for (const group of member.groups.list()) {
      if (isUntoldGroup(group) || !concerns(group)) continue;
      member.groups.remove(group);
      member.groups.add(untoldGroup(group));
      this.#untold.set(group, reason);
    }
    return this.#untold.size > 0;
  }

  /** All in one turn. The position follows the last of them, for clients take it for all of their rooms. */
  #tell(member: RoomMember): void {
    if (this.#untold.size === 0) return;
    for (const [roomId, reason] of this.#untold) {
      member.clients.caller.send('resync', { room_id: roomId, reason });
      member.groups.remove(untoldGroup(roomId));
      member.groups.add(roomId);
    }
    this.#untold.clear();
    if (this.#ports.laggards.has(member.connectionId)) return;
    member.clients.caller.send('position', { position: this.#ports.positionOfEveryRoom() });
  }

  #takeOut(member: RoomMember, roomId: string): void {
    member.groups.remove(roomId);
    if (this.#untold.delete(roomId)) member.groups.remove(untoldGroup(roomId));
  }

  #stepOut(member: RoomMember, roomId: string, isSlow: boolean): Absence {
    this.#endAbsence(member, roomId);
    this.#takeOut(member, roomId);
    const { mark, laggards } = this.#ports;
    const absence = { isSlow, mark: mark(roomId), shown: this.#shownTo(member, roomId) };
    this.#absences.set(roomId, absence);
    laggards.add(member.connectionId, roomId);
    return absence;
  }

  #endAbsence(member: RoomMember, roomId: string): void {
    if (this.#absences.delete(roomId)) this.#ports.laggards.remove(member.connectionId, roomId);
  }

  #target(member: RoomMember, roomId: string, absence: Absence): Omit<ReplayTarget, 'arrive' | 'mayBegin'> {
    const { caller } = member.clients;
    return {
      roomId,
      send: (call) => caller.relay(call),
      flushed: () => takeTurn(member),
      isGone: () => member.signal.aborted || this.#absences.get(roomId) !== absence,
    };
  }

  /** The same target; notes what a join replays. */
  #watched(
    member: RoomMember,
    { roomId, send }: Pick<ReplayTarget, 'roomId' | 'send'>,
  ): Pick<ReplayTarget, 'send' | 'mayBegin'> {
    let round: ReplayRound | undefined;
    return {
      mayBegin: async (firstEventId) => {
        round = await this.#ports.rounds.begin(userKey(member.user.userId), roomId, firstEventId);
        if (round !== undefined) this.#rounds.set(roomId, round);
        return round !== undefined;
      },
      send: (event) => {
        if (round !== undefined) round.lastMs = this.#ports.monotonicMs();
        send(event);
      },
    };
  }

  #shownTo({ user }: RoomMember, roomId: string): ShownByName {
    const { indicators, monotonicMs } = this.#ports;
    return shownToUser(indicators.in(roomId, monotonicMs()), user.userId);
  }

  /** Indicators are not replayed: who was left out is told what has changed. */
  #tellIndicators(member: RoomMember, roomId: string, before: ShownByName): void {
    const { indicators } = this.#ports;
    for (const { name, user, isShown } of changesBetween(before, this.#shownTo(member, roomId))) {
      const event = indicators.find(name)?.eventOf(user, isShown);
      if (event === undefined) continue;
      const { type: event_type, payload } = event;
      member.clients.caller.send(event_type, {
        event_id: randomUUID(),
        event_type,
        timestamp: new Date().toISOString(),
        room_id: roomId,
        payload,
        position: this.#ports.currentPosition(roomId),
      });
    }
  }
}

/** Resolves when the client has taken what was sent. Others have their turn, also when it reads as fast as we write. */
async function takeTurn(member: RoomMember): Promise<void> {
  await member.flushed();
  await setImmediate();
}
