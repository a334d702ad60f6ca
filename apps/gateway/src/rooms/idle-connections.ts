// Finds connections with a room that was sent no event for a while. Their position grows old although they missed nothing, so the
// gateway sends them the current one. Pure: the gateway calls it at its interval.

/** The connections of the hub and their groups. */
export interface ConnectionSource {
  list(): readonly { readonly connectionId: string }[];
  groupsOf(connectionId: string): readonly string[];
}

/** Rooms that were sent something in the current interval. Bounded by the rooms that have connections. */
export class IdleConnections {
  #activeRooms = new Set<string>();

  /** Notes that an event was sent to a room with connections. */
  noteSend(roomId: string): void {
    this.#activeRooms.add(roomId);
  }

  /** Returns connections without rooms, or with a room that was sent nothing since the last call; then the next interval begins. */
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
