// Keeps the users whom one indicator shows, by room; the answer of a join lists them. It has no timers: a user whose time is over is not
// listed, and is removed with the next change in the room.
import { type IndicatedUser, userKey } from '@millrace/contract';
import { OldestFirstMap } from '@millrace/internal';

interface ShownSince extends IndicatedUser {
  readonly sinceMs: number;
}

/** Bounds of {@link ShownUsers}. */
export interface ShownUsersOptions {
  /** A user without news for this long is no longer shown. */
  readonly expiryMs: number;
  /** Most rooms remembered; the one without news for longest is forgotten first. */
  readonly maxRooms: number;
}

/** The users of all rooms that one indicator shows. */
export class ShownUsers {
  readonly #options: ShownUsersOptions;
  /** Room → user → time since which the user is shown. Rooms without news for longest come first. */
  readonly #rooms = new OldestFirstMap<string, Map<string, ShownSince>>();

  constructor(options: ShownUsersOptions) {
    this.#options = options;
  }

  start(roomId: string, user: IndicatedUser, timeMs: number): void {
    const users = this.#rooms.get(roomId) ?? new Map<string, ShownSince>();
    this.#dropExpired(users, timeMs);
    users.set(userKey(user.user_id), { user_id: user.user_id, username: user.username, sinceMs: timeMs });
    this.#rooms.set(roomId, users);
    const oldest = this.#rooms.oldest();
    if (oldest !== undefined && this.#rooms.size > this.#options.maxRooms) this.#rooms.delete(oldest[0]);
  }

  stop(roomId: string, userId: string): void {
    const users = this.#rooms.get(roomId);
    users?.delete(userKey(userId));
    if (users?.size === 0) this.#rooms.delete(roomId);
  }

  /** Users shown in a room now, in the order in which they began. */
  list(roomId: string, timeMs: number): readonly IndicatedUser[] {
    const users = this.#rooms.get(roomId);
    if (users === undefined) return [];
    this.#dropExpired(users, timeMs);
    if (users.size === 0) this.#rooms.delete(roomId);
    return [...users.values()].map(({ user_id, username }) => ({ user_id, username }));
  }

  #dropExpired(users: Map<string, ShownSince>, timeMs: number): void {
    for (const [userId, { sinceMs }] of users) {
      if (timeMs - sinceMs >= this.#options.expiryMs) users.delete(userId);
    }
  }
}
