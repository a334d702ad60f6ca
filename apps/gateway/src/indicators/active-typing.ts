// Who said through this gateway that they are typing, so that it can be taken back when their last connection goes.

/** Bounds of {@link Typists}. */
export interface TypistsOptions {
  /** An indicator ends by itself after this; then there is nothing to take back. */
  readonly expiryMs: number;
  /** Most rooms remembered of one user; the one longest ago goes first and ends by itself. */
  readonly maxRoomsPerUser: number;
}

interface Typist {
  connections: number;
  /** Room → since when, the longest ago first. */
  readonly rooms: Map<string, number>;
}

/** The users connected to this gateway and where they type; as many as there are connections. */
export class Typists {
  readonly #options: TypistsOptions;
  readonly #typists = new Map<string, Typist>();

  constructor(options: TypistsOptions) {
    this.#options = options;
  }

  connected(userId: string): void {
    const typist = this.#typists.get(userId) ?? { connections: 0, rooms: new Map<string, number>() };
    typist.connections++;
    this.#typists.set(userId, typist);
  }

  /** Notes what the user said of a room. */
  said(userId: string, roomId: string, isTyping: boolean, nowMs: number): void {
    const rooms = this.#typists.get(userId)?.rooms;
    rooms?.delete(roomId);
    if (rooms === undefined || !isTyping) return;
    rooms.set(roomId, nowMs);
    if (rooms.size <= this.#options.maxRoomsPerUser) return;
    for (const oldest of rooms.keys()) {
      rooms.delete(oldest);
      return;
    }
  }

  /** Returns the rooms in which the user seems to type although nobody is there any more. */
  disconnected(userId: string, nowMs: number): readonly string[] {
    const typist = this.#typists.get(userId);
    if (typist === undefined) return [];
    typist.connections--;
    if (typist.connections > 0) return [];
    this.#typists.delete(userId);
    const isLive = ([, sinceMs]: [string, number]): boolean => nowMs - sinceMs < this.#options.expiryMs;
    return [...typist.rooms].filter(isLive).map(([roomId]) => roomId);
  }
}
