// The identity of a user in a question about access. Two tokens with different rights are different identities of one user.
import { createHash } from 'node:crypto';
import { userKey } from '@millrace/internal';
import type { User } from '../auth/token-verifier.js';
import type { AppUser } from './app-access.js';

/** A question: may this user enter this room? */
export interface AccessPair {
  /** Key of the user, the same for all tokens of the user. */
  readonly owner: string;
  /** See {@link UserIdentities.of}. */
  readonly identity: string;
  readonly roomId: string;
  /** Unique name of the question. */
  readonly key: string;
}

/** Returns the user whom an application's function is given. */
export function appUserOf({ appUser, userId, name, rooms }: User): AppUser {
  return appUser ?? { id: userId, name, rooms };
}

/** Returns the name of a question. */
export function keyOf(identity: string, roomId: string): string {
  return `${identity} ${roomId}`;
}

/** The identities of users. */
export class UserIdentities {
  readonly #describe: (user: User) => object;
  readonly #known = new WeakMap<User, string>();

  /** @param describe returns what the rule is told about a user, as JSON values */
  constructor(describe: (user: User) => object) {
    this.#describe = describe;
  }

  /** Returns a short text that is the same for all users about whom the rule is told the same. */
  of(user: User): string {
    const known = this.#known.get(user);
    if (known !== undefined) return known;
    const identity = createHash('sha256')
      .update(JSON.stringify(this.#describe(user)))
      .digest('base64url');
    this.#known.set(user, identity);
    return identity;
  }

  /** Returns the question about a user and a room. */
  pairOf(user: User, roomId: string): AccessPair {
    const identity = this.of(user);
    return { owner: userKey(user.userId), identity, roomId, key: keyOf(identity, roomId) };
  }
}
