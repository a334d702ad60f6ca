// Which connections have a room that was sent no event for a while. Its position grows old although nothing was missed, so they
// are told the new one. Pure: the gateway calls it at its interval.

/** What is asked about connections. */
export interface ConnectionSource {
  list(): readonly { readonly connectionId: string }[];
  groupsOf(connectionId: string): readonly string[];
}

/** Rooms that were sent something since the last look. Bounded by the rooms that have members. */
export class QuietConnections {
  #activeRooms = new Set<string>();

  /** An event went out to a room with members. */
  noteSend(roomId: string): void {
    this.#activeRooms.add(roomId);
  }

  /** Connections with a room that was sent nothing since the last call, or without rooms; begins the next interval. */
  take(connections: ConnectionSource): readonly string[] {
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
