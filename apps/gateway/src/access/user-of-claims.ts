// Reads the user of a verified token: by the application's `userOf`, or from the claims `sub`, `name` and `rooms`.
import { isUserId } from '@millrace/contract';
import type { TokenRefusal } from '../auth/token-rules.js';
import type { AppAccess, AppUser, TokenClaims } from './app-access.js';

/** The part of a user that comes from the claims. */
export interface ClaimedUser {
  readonly userId: string;
  readonly name: string;
  readonly rooms: readonly string[];
  /** The user as the application has returned it. Absent without `userOf`. */
  readonly appUser?: AppUser;
}

/** The user, or the reason why there is none. `unavailable`: the application failed, which refuses nobody. */
export type UserOfClaims =
  | { readonly user: ClaimedUser }
  | { readonly refusal: TokenRefusal; readonly detail: string }
  | 'unavailable';

/** Reads the user of a token. Never throws. */
export type ReadUser = (claims: TokenClaims) => UserOfClaims;

/** Reads the user from the claims `sub`, `name` and `rooms`. */
export const userOfStandardClaims: ReadUser = (claims) => {
  const { sub, name } = claims;
  const rooms = claims['rooms'] ?? [];
  if (typeof sub !== 'string' || !isUserId(sub))
    return { refusal: 'sub', detail: 'its sub cannot be a user ID' };
  if (!isListOfTexts(rooms)) return { refusal: 'rooms', detail: 'its rooms are not a list of strings' };
  return { user: { userId: sub, name: typeof name === 'string' && name !== '' ? name : sub, rooms } };
};

/** Reads the user from the claims `sub` and `name`. A claim `rooms` that is not a list of strings counts as none. */
export const userWithoutRooms: ReadUser = (claims) =>
  userOfStandardClaims(isListOfTexts(claims['rooms']) ? claims : { ...claims, rooms: [] });

/**
 * Reads the user by the application's function. Rooms that the function does not return come from the claim.
 * @param onFailed called when the function throws
 */
export function userOfApplication(
  userOf: NonNullable<AppAccess['userOf']>,
  onFailed: (error: unknown) => void,
): ReadUser {
  return (claims) => {
    let appUser: AppUser | undefined;
    try {
      appUser = userOf(claims);
      JSON.stringify(appUser);
    } catch (error) {
      onFailed(error);
      return 'unavailable';
    }
    if (appUser === undefined || appUser === null)
      return { refusal: 'user', detail: 'userOf of the application returned no user for it' };
    const fault = faultOf(appUser);
    if (fault !== undefined) return { refusal: 'user', detail: `userOf of the application ${fault}` };
    const { id, name = id, rooms = isListOfTexts(claims['rooms']) ? claims['rooms'] : [] } = appUser;
    return {
      user: { userId: id, name: name === '' ? id : name, rooms, appUser: { ...appUser, name, rooms } },
    };
  };
}

function faultOf(user: object): string | undefined {
  const { id, name, rooms } = user as Readonly<Record<string, unknown>>;
  if (user instanceof Promise) return 'returned a promise: it must return the user itself';
  if (typeof id !== 'string' || !isUserId(id)) return 'returned an id that cannot be a user ID';
  if (name !== undefined && typeof name !== 'string') return 'returned a name that is not a string';
  return rooms === undefined || isListOfTexts(rooms)
    ? undefined
    : 'returned rooms that are not a list of strings';
}

function isListOfTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}
