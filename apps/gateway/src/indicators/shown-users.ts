// The users whom one indicator shows, by room, so that the answer to a join can list them. Uses no timers. The next call of
// `start` or `list` for a room removes the room's expired users.
import type { IndicatedUser } from '@millrace/contract';
import { OldestFirstMap, userKey } from '@millrace/internal';

interface ShownSince extends IndicatedUser {
  readonly sinceMs: number;
}

/** Bounds of {@link ShownUsers}. */
export interface ShownUsersOptions {
  /** A user is shown for this long after the last start event. */
  readonly expiryMs: number;
  /** Maximum number of rooms. Above it, the room without a start event for the longest time is forgotten. */
  readonly maxRooms: number;
}

/** The users whom one indicator shows, in all rooms. */
export class ShownUsers {
  readonly #options: ShownUsersOptions;
  /**
   * Room → user → the user and the time of the user's last start. The room without a start event for the longest time comes
   * first.
   */
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

  /**
   * Returns the users whom the indicator shows in a room at `timeMs`, in the order in which the indicator
   * began to show them.
   */
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
