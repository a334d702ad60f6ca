// Counts the connections that lag in a room. A lagging connection is out of the room's group while it is sent missed events.
// Pure.
//
// `connection-rooms.ts` takes a slow connection out of its rooms' groups. It is closed (`slow-period.ts`) if the ring no longer has
// the missed events, which `replay/replay.ts` sends.

/** The numbers of lagging connections. The connections and the rooms that they have joined bound the size. */
export class LaggingConnections {
  readonly #byRoom = new Map<string, number>();
  readonly #byConnection = new Map<string, number>();

  add(connectionId: string, roomId: string): void {
    count(this.#byRoom, roomId, 1);
    count(this.#byConnection, connectionId, 1);
  }

  /** Undoes one `add`. */
  remove(connectionId: string, roomId: string): void {
    count(this.#byRoom, roomId, -1);
    count(this.#byConnection, connectionId, -1);
  }

  /** True if the connection lags in at least one room. No position is then valid for all of its rooms. */
  has(connectionId: string): boolean {
    return this.#byConnection.has(connectionId);
  }

  /** Number of connections that lag in a room. */
  countIn(roomId: string): number {
    return this.#byRoom.get(roomId) ?? 0;
  }
}

function count(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const sum = (counts.get(key) ?? 0) + change;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
}
