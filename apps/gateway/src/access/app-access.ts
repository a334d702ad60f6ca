// The part `access` of an application: who the user of a token is, and which rooms a user may enter.

/** The claims of a verified token. @beta */
export type TokenClaims = Readonly<Record<string, unknown>>;

/**
 * A user, as {@link AppAccess.userOf} returns it and {@link AppAccess.mayEnter} gets it. Fields of the application are kept.
 * @beta
 */
export interface AppUser {
  /** ID of the user: 1 to 128 bytes of text without control characters, and not `me`. */
  readonly id: string;
  /** Display name. @defaultValue the ID */
  readonly name?: string;
  /**
   * Rooms, as in the claim `rooms`. Used for personal rooms of other users (`user:…`), and for all rooms if `mayEnter` is
   * `'claim'`. @defaultValue the claim `rooms` of the token
   */
  readonly rooms?: readonly string[];
}

/**
 * The access rules of an application. Without this part, the claims `sub`, `name` and `rooms` of a token decide.
 *
 * @example
 * ```ts
 * defineApp({
 *   access: {
 *     userOf: ({ sub, username, role }) => ({ id: String(sub), name: String(username), role }),
 *     mayEnter: async (user, room) => user.role === 'agent' || (await orders.concerns(room, user.id)),
 *   },
 * });
 * ```
 * @beta
 */
export interface AppAccess<U extends AppUser = AppUser> {
  /**
   * Returns the user whose token has these claims, or `undefined` to refuse the token. Called once for each verified token; it must
   * be fast and must not wait. The result consists of JSON values. If the function throws, the client is told to try again.
   * @defaultValue the user of the claims `sub` and `name`
   */
  userOf?(claims: TokenClaims): U | undefined;
  /**
   * Tells if the user may enter the room. The answer of a promise is used for a bounded time (`accessCacheMs`); a plain boolean is asked
   * for again each time. A function that throws, rejects or does not answer in time has not answered: it refuses nobody, and the
   * client is told to try again. The text `'claim'` lets the claim `rooms` decide.
   *
   * Called for every room except the user's own room (always allowed) and the rooms `user:…` of other users (only the claim `rooms`
   * opens them).
   */
  readonly mayEnter?: MayEnter<U> | 'claim';
}

/** See {@link AppAccess.mayEnter}. @beta */
export type MayEnter<U extends AppUser = AppUser> = {
  // A method, so that an application with a user type of its own is an application.
  bivariant(user: U, roomId: string): boolean | Promise<boolean>;
}['bivariant'];
