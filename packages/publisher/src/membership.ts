// Removes users from rooms, adds them again, and signs users out. Each act is one control entry in every stream of the room, and a
// revocation that the broker keeps.
import { randomUUID } from 'node:crypto';
import { type Broker, BrokerError, type RevocationReceipt } from '@millrace/broker';
import {
  type Control,
  controlRoomWhere,
  encodeControlEntry,
  isBroadcastRoom,
  isRoomId,
  isUserId,
  type RevocationSubject,
  revocationName,
} from '@millrace/contract';
import { type Clock, userKey } from '@millrace/internal';
import { membershipUnavailable, PublisherError } from './errors.js';

/** The result of an act. All of its entries are stored. @beta */
export interface MembershipResult {
  /** False if nothing had to be stored, because the user had been removed or added before. A sign-out always changes something. */
  readonly isChanged: boolean;
}

/** A removal or sign-out that the broker has lost. @beta */
export interface LostRevocation {
  readonly subject: RevocationSubject;
  /** Time of the removal or sign-out, as `Revocation.changedMs`. */
  readonly changedMs: number;
  /** Time for which it is still kept, in milliseconds. */
  readonly keepMs: number;
}

/** Dependencies of {@link Membership}. */
export interface MembershipDependencies {
  readonly broker: Pick<Broker, 'partitioning' | 'revocations'>;
  readonly clock: Pick<Clock, 'wallMs'>;
  /** Time for which removals and sign-outs are kept: the longest lifetime of a token, in milliseconds. */
  readonly keepMs: number;
}

/** One act: what its control entries say, and what the broker keeps. */
interface Act {
  readonly subject: RevocationSubject;
  readonly control: Control;
  /** The room whose streams get the control entry. */
  readonly roomId: string;
  readonly state: 'revoked' | 'restored';
  readonly keepMs: number;
  readonly isRenewal?: boolean;
  readonly lostChangedMs?: number;
}

/** See the methods of `Publisher` with the same names. */
export class Membership {
  readonly #dependencies: MembershipDependencies;

  constructor(dependencies: MembershipDependencies) {
    this.#dependencies = dependencies;
  }

  removeMember(roomId: string, userId: string): Promise<MembershipResult> {
    return this.#changeMember(roomId, userId, 'remove');
  }

  addMember(roomId: string, userId: string): Promise<MembershipResult> {
    return this.#changeMember(roomId, userId, 'add');
  }

  async signOut(userId: string): Promise<MembershipResult> {
    checkUser(userId);
    const { keepMs } = this.#dependencies;
    return this.#perform({ ...signOutAct(userId, keepMs), isRenewal: true });
  }

  async restoreRevocation(stream: string, lost: LostRevocation): Promise<void> {
    const { changedMs, keepMs } = lost;
    const { userId, roomId } = lost.subject;
    const act =
      roomId === undefined
        ? signOutAct(userId, keepMs, changedMs)
        : memberAct(roomId, userId, { change: 'remove', keepMs, changedMs });
    try {
      await this.#store(stream, { ...act, lostChangedMs: changedMs });
    } catch (error) {
      throw failureOf(error);
    }
  }

  async #changeMember(roomId: string, userId: string, change: 'add' | 'remove'): Promise<MembershipResult> {
    checkUser(userId);
    checkRoom(roomId, userId);
    const { keepMs } = this.#dependencies;
    return this.#perform(memberAct(roomId, userId, { change, keepMs }));
  }

  /** Stores the act in every stream that may hold events of the room. Tries all of them, even if one fails. */
  async #perform(act: Act): Promise<MembershipResult> {
    const { streams } = this.#dependencies.broker.partitioning.scopeOf(act.roomId);
    const results = await Promise.allSettled(streams.map((stream) => this.#store(stream, act)));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failureOf(failure.reason);
    return { isChanged: results.some((result) => result.status === 'fulfilled' && result.value.isChanged) };
  }

  #store(stream: string, { subject, control, ...act }: Act): Promise<RevocationReceipt> {
    const { broker, clock } = this.#dependencies;
    const { state, keepMs, isRenewal = false, lostChangedMs } = act;
    const belongs = (roomId: string): boolean => broker.partitioning.scopeOf(roomId).streams.includes(stream);
    const fields = encodeControlEntry(control, {
      eventId: randomUUID(),
      userId: randomUUID(),
      timestamp: new Date(clock.wallMs()).toISOString(),
      roomId: controlRoomWhere(belongs),
    });
    const name = revocationName(subject);
    const lost = lostChangedMs === undefined ? {} : { lostChangedMs };
    return broker.revocations.change(stream, { name, state, fields, keepMs, isRenewal, ...lost });
  }
}

/** @param changedMs time of a sign-out that was lost */
function signOutAct(userId: string, keepMs: number, changedMs?: number): Act {
  return {
    subject: { userId },
    control: { kind: 'sign_out', userId: userKey(userId), keepMs, ...optional(changedMs) },
    roomId: `user:${userId}`,
    state: 'revoked',
    keepMs,
  };
}

/** A change of a member. `changedMs` is the time of a change that was lost. */
interface MemberChange {
  readonly change: 'add' | 'remove';
  readonly keepMs: number;
  readonly changedMs?: number;
}

function memberAct(roomId: string, userId: string, { change, keepMs, changedMs }: MemberChange): Act {
  const user = { roomId, userId: userKey(userId) };
  return {
    subject: { userId, roomId },
    control: { kind: 'members', ...user, change, keepMs, ...optional(changedMs) },
    roomId,
    state: change === 'remove' ? 'revoked' : 'restored',
    keepMs,
  };
}

function optional(changedMs: number | undefined): { readonly changedMs?: number } {
  return changedMs === undefined ? {} : { changedMs };
}

function failureOf(error: unknown): Error {
  return error instanceof BrokerError ? membershipUnavailable(error) : (error as Error);
}

function checkUser(userId: unknown): void {
  if (typeof userId === 'string' && isUserId(userId)) return;
  throw invalidArgument(
    'The user ID must be 1 to 200 bytes of text without control characters, and not "me".',
  );
}

function checkRoom(roomId: unknown, userId: string): void {
  if (typeof roomId !== 'string' || !isRoomId(roomId))
    throw invalidArgument(
      'The room ID must be 1 to 256 bytes of text without control characters, and not reserved.',
    );
  if (isBroadcastRoom(roomId))
    throw invalidArgument(
      'A user cannot be removed from the room of everybody ("*"), nor added to it: sign the user out, or remove the user from other rooms.',
    );
  if (userKey(roomId.replace(/^user:/, '')) === userKey(userId) && roomId.startsWith('user:'))
    throw invalidArgument('A user cannot be removed from the personal room of this user: sign the user out.');
}

function invalidArgument(message: string): PublisherError {
  return new PublisherError('invalid_argument', message, { eventId: '', outcome: 'not_stored' });
}
