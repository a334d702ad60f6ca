// The only place that opens a room to a user. Everything that needs the right to a room takes a `GrantedRoom`, and only this guard
// returns one. A new call or route therefore cannot forget to ask.

import { isBroadcastRoom } from '@millrace/contract';
import { HubError } from '@millrace/signalr';
import { personalRoomOf, resolveRoomAlias } from '../auth/room-access.js';
import type { User } from '../auth/token-verifier.js';
import { tryAgain } from '../hub/try-again.js';
import { removedFromRoom } from '../membership/removed-from-room.js';
import type { RevocationSync } from '../membership/revocation-sync.js';
import type { Revocations } from '../membership/revocations.js';
import { StandingRooms } from '../rooms/standing-rooms.js';
import type { AccessDecision, AccessRule } from './access-rule.js';

declare const granted: unique symbol;

/** ID of a room that the {@link RoomGuard} has opened to the user of the call or request. */
export type GrantedRoom = string & { readonly [granted]: true };

/** The answer to a question for a room. `unknown`: it cannot be determined now. */
export type Admission =
  | { readonly roomId: GrantedRoom }
  | { readonly refused: 'forbidden' | 'removed' | 'unknown' };

/** The user of a connection, as its newest token names the user. */
export interface UserConnection {
  readonly user: User;
}

/** The parts of a connection that the guard uses. */
export interface GuardedConnection extends UserConnection {
  readonly items: { has(roomId: string): boolean };
}

/** Dependencies of {@link RoomGuard}. */
export interface RoomGuardDependencies {
  readonly rule: AccessRule;
  readonly revocations: Pick<Revocations, 'statusOf'>;
  readonly revocationSync: Pick<RevocationSync, 'recheck'>;
  /** The rooms that need no rule. @defaultValue those of a gateway without tenants */
  readonly standing?: Pick<StandingRooms, 'has' | 'wholeOf'>;
}

const undetermined = 'Whether you may enter this room cannot be determined now.';

/** See the comment at the top of this file. */
export class RoomGuard {
  readonly #dependencies: RoomGuardDependencies;
  readonly #standing: Pick<StandingRooms, 'has' | 'wholeOf'>;

  constructor(dependencies: RoomGuardDependencies) {
    this.#dependencies = dependencies;
    this.#standing = dependencies.standing ?? new StandingRooms(undefined);
  }

  /** Describes to a user why a room is forbidden. */
  get refusal(): string {
    return this.#dependencies.rule.refusal;
  }

  /**
   * Returns the room ID under which the gateway keeps a user's connections. For `user:me`, it is the ID of the user's own room. For the
   * broadcast room of the user's tenant, it is `*`.
   */
  nameOf(givenRoomId: string, { userId }: User): string {
    return this.#standing.wholeOf(userId, resolveRoomAlias(givenRoomId, userId));
  }

  /**
   * Opens the room that a user names, or says why not. The store is asked about a user who counts as removed, because this gateway may
   * not have read yet that the user was added again. Waits for no other user.
   */
  async admit(givenRoomId: string, user: User): Promise<Admission> {
    const { revocations, revocationSync } = this.#dependencies;
    const roomId = this.nameOf(givenRoomId, user);
    const decision = await this.#decide(user, roomId);
    if (decision !== 'allowed') return { refused: decision === 'refused' ? 'forbidden' : 'unknown' };
    if (revocations.statusOf(roomId, user.userId) === 'member') return { roomId: grant(roomId) };
    const answer = await revocationSync.recheck(roomId, user.userId);
    return answer === 'member' ? { roomId: grant(roomId) } : { refused: answer };
  }

  /**
   * Opens the room that a user of the hub names.
   * @throws HubError when the user may not enter it, or when that cannot be determined now
   */
  async enter(givenRoomId: string, connection: UserConnection): Promise<GrantedRoom> {
    const { user } = connection;
    const admission = await this.admit(givenRoomId, user);
    if ('refused' in admission) throw this.#errorOf(admission.refused);
    const { roomId } = admission;
    // The user's token may have been replaced while the rule or the store was asked.
    if (connection.user === user || this.mayStay(connection.user, roomId)) return roomId;
    throw this.#errorOf('forbidden');
  }

  /**
   * Opens a room to which a user of the hub wants to send. The user need not have joined it.
   * @throws HubError for a room of everybody, and as {@link RoomGuard.enter}
   */
  async enterToSend(givenRoomId: string, connection: UserConnection): Promise<GrantedRoom> {
    refuseBroadcast(givenRoomId);
    return this.enter(givenRoomId, connection);
  }

  /**
   * Opens a room that the connection has joined. Asks again if the rule says so, and returns a promise only if the answer is not
   * known. `isPersonalJoined` is true if the user's own room counts as joined.
   * @throws HubError when the connection has not joined the room, for a room of everybody, or as for {@link RoomGuard.enter}
   */
  joined(
    connection: GuardedConnection,
    givenRoomId: string,
    { isPersonalJoined = false } = {},
  ): GrantedRoom | Promise<GrantedRoom> {
    const { rule } = this.#dependencies;
    const { user } = connection;
    const roomId = resolveRoomAlias(givenRoomId, user.userId);
    if (isPersonalJoined && roomId === personalRoomOf(user.userId)) return grant(roomId);
    refuseBroadcast(roomId);
    this.#expectJoined(connection, roomId);
    if (!rule.isAskedAgain) return grant(roomId);
    const decision = this.#decide(user, roomId);
    if (typeof decision === 'string') return this.#grantIf(decision, roomId);
    return decision.then((decided) => {
      const room = this.#grantIf(decided, roomId);
      // The user may have left or been removed while the rule was asked.
      this.#expectJoined(connection, roomId);
      return room;
    });
  }

  /** Asks the rule early about a room that the user is about to enter. */
  prepare(givenRoomId: string, user: User): void {
    const roomId = this.nameOf(givenRoomId, user);
    if (!this.#standing.has(user.userId, roomId)) this.#dependencies.rule.prepare?.(user, roomId);
  }

  /**
   * Returns true if a user whose token was replaced may stay in a joined room. If the answer is unknown, the rule is asked in the
   * background. A refusal then makes the connection leave the room.
   */
  mayStay(user: User, roomId: string): boolean {
    if (this.#standing.has(user.userId, roomId)) return true;
    const { rule } = this.#dependencies;
    return rule.mayStay?.(user, roomId) ?? rule.decide(user, roomId) !== 'refused';
  }

  #decide(user: User, roomId: string): AccessDecision | Promise<AccessDecision> {
    return this.#standing.has(user.userId, roomId) ? 'allowed' : this.#dependencies.rule.decide(user, roomId);
  }

  #expectJoined({ user, items }: GuardedConnection, roomId: string): void {
    if (this.#dependencies.revocations.statusOf(roomId, user.userId) !== 'member') throw removedFromRoom();
    if (!items.has(roomId)) throw new HubError('Join the room first.');
  }

  #grantIf(decision: AccessDecision, roomId: string): GrantedRoom {
    if (decision === 'allowed') return grant(roomId);
    throw this.#errorOf(decision === 'refused' ? 'forbidden' : 'unknown');
  }

  #errorOf(refused: 'forbidden' | 'removed' | 'unknown'): HubError {
    if (refused === 'unknown') return tryAgain(undetermined);
    return refused === 'removed' ? removedFromRoom() : new HubError(this.refusal);
  }
}

/** @throws HubError for a room of everybody */
function refuseBroadcast(roomId: string): void {
  if (isBroadcastRoom(roomId))
    throw new HubError(
      'Clients may not send to everybody ("*"): only backends may, with an API key or a publisher.',
    );
}

/** The cast is safe: the guard calls this function after every rule has allowed the room. */
function grant(roomId: string): GrantedRoom {
  return roomId as GrantedRoom;
}
