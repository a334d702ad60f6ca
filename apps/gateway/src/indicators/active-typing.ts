// Remembers the rooms in which users of this gateway are typing. The gateway ends the typing there when the user's last
// connection ends.
import type { GrantedRoom } from '../access/room-guard.js';

/** Bounds of {@link ActiveTyping}. */
export interface ActiveTypingOptions {
  /** Time after which a typing indicator expires. An expired indicator need not be ended. */
  readonly expiryMs: number;
  /**
   * Maximum number of rooms remembered per user. Above it, the room in which the user typed longest ago is forgotten. The
   * indicator ends there only when it expires.
   */
  readonly maxRoomsPerUser: number;
}

interface ConnectedUser {
  connections: number;
  /** Room → time at which the user last typed in it. The oldest time comes first. Absent until the user types. */
  typingSinceMs: Map<GrantedRoom, number> | undefined;
}

/** The users who are connected to this gateway, and the rooms in which they type. The number of connections bounds the size. */
export class ActiveTyping {
  readonly #options: ActiveTypingOptions;
  readonly #users = new Map<string, ConnectedUser>();

  constructor(options: ActiveTypingOptions) {
    this.#options = options;
  }

  connected(userId: string): void {
    const user = this.#users.get(userId) ?? { connections: 0, typingSinceMs: undefined };
    user.connections++;
    this.#users.set(userId, user);
  }

  /** Records that the user started or stopped typing in a room. */
  update(userId: string, roomId: GrantedRoom, isTyping: boolean, timeMs: number): void {
    const user = this.#users.get(userId);
    user?.typingSinceMs?.delete(roomId);
    if (user === undefined || !isTyping) return;
    const rooms = (user.typingSinceMs ??= new Map());
    rooms.set(roomId, timeMs);
    if (rooms.size <= this.#options.maxRoomsPerUser) return;
    for (const oldest of rooms.keys()) {
      rooms.delete(oldest);
      return;
    }
  }

  /**
   * Records that a connection of the user has ended. After the last one, returns the rooms in which the user still seems to
   * type. Before that, returns no rooms.
   */
  disconnected(userId: string, timeMs: number): readonly GrantedRoom[] {
    const user = this.#users.get(userId);
    if (user === undefined) return [];
    user.connections--;
    if (user.connections > 0) return [];
    this.#users.delete(userId);
    const isLive = ([, sinceMs]: [GrantedRoom, number]): boolean => timeMs - sinceMs < this.#options.expiryMs;
    return [...(user.typingSinceMs ?? [])].filter(isLive).map(([roomId]) => roomId);
  }
}
