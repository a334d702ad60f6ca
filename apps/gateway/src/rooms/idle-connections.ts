// Finds connections with a room that was sent no event for a while. The position of such a connection grows old although it missed
// nothing, so the gateway sends it the current position. Pure: the caller determines the interval.

/** The connections of the hub and their groups. */
export interface ConnectionSource {
  list(): readonly { readonly connectionId: string }[];
  groupsOf(connectionId: string): readonly string[];
}

/** Tracks the rooms that were sent an event in the current interval. Bounded by the rooms that have connections. */
export class IdleConnections {
  #activeRooms = new Set<string>();

  /** Notes that an event was sent to a room with connections. */
  noteSend(roomId: string): void {
    this.#activeRooms.add(roomId);
  }

  /** Returns the connections that have no room, or a room that was sent no event since the last call. Begins the next interval. */
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
