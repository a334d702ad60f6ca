// The open connections by user, so that a removal or a sign-out reaches them.
import { userKey } from '@millrace/internal';
import type { User } from '../auth/token-verifier.js';

/** A connection that can be sent away. */
export interface MemberConnection {
  readonly userId: string;
  /** Leaves a room and tells the client. Does nothing if the connection is not in the room. */
  expel(roomId: string): void;
  /** Leaves a room that the access rule refuses to the user, and tells the client. Does nothing for users who are not concerned. */
  refuse(roomId: string, isConcerned: (user: User) => boolean): void;
  /** Ends the connection if it was authenticated before the user was signed out. */
  endIfSignedOut(): void;
}

/** The connections of this gateway. Their number is bounded by the limits of connections. */
export class MemberConnections {
  readonly #byUser = new Map<string, Set<MemberConnection>>();

  add(connection: MemberConnection): void {
    const key = userKey(connection.userId);
    const known = this.#byUser.get(key);
    if (known === undefined) this.#byUser.set(key, new Set([connection]));
    else known.add(connection);
  }

  remove(connection: MemberConnection): void {
    const key = userKey(connection.userId);
    const known = this.#byUser.get(key);
    if (known?.delete(connection) === true && known.size === 0) this.#byUser.delete(key);
  }

  expel(roomId: string, userId: string): void {
    for (const connection of this.#of(userId)) connection.expel(roomId);
  }

  /** Makes the connections of a user leave a room that the access rule refuses. */
  refuse(roomId: string, userId: string, isConcerned: (user: User) => boolean): void {
    for (const connection of this.#of(userId)) connection.refuse(roomId, isConcerned);
  }

  signOut(userId: string): void {
    for (const connection of this.#of(userId)) connection.endIfSignedOut();
  }

  /** Returns a copy, because a connection may be removed meanwhile. */
  #of(userId: string): readonly MemberConnection[] {
    return [...(this.#byUser.get(userKey(userId)) ?? [])];
  }
}
