// Finds connections with a room in which no event was sent for some time. The positions of their clients become old although
// they missed no events. Therefore the gateway sends them the current position. Pure: the caller determines the interval.

/** The connections of the hub and their groups. */
export interface ConnectionSource {
  list(): readonly { readonly connectionId: string }[];
  groupsOf(connectionId: string): readonly string[];
}

/** Tracks the rooms in which an event was sent in the current interval. The rooms that have connections bound the size. */
export class IdleConnections {
  #activeRooms = new Set<string>();

  /** Records that an event was sent to a room with connections. */
  noteSend(roomId: string): void {
    this.#activeRooms.add(roomId);
  }

  /**
   * Returns the connections without rooms, and those with a room in which no event was sent since the last call. Begins the
   * next interval.
   */
  takeIdle(connections: ConnectionSource): readonly string[] {
    const activeRooms = this.#activeRooms;
    this.#activeRooms = new Set();
    return connections
      .list()
      .filter(({ connectionId }) => {
        const rooms = connections.groupsOf(connectionId);
        return rooms.length === 0 || rooms.some((room) => !activeRooms.has(room));
      })
      .map(({ connectionId }) => connectionId);
  }
}
