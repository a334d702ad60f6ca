// Which connections are behind in which of their rooms: out of the room's group, and being sent what they missed. Pure.

/** As many as there are connections and rooms that they have joined. */
export class Laggards {
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

  /** Whether the connection is behind in a room: then no position holds for all of its rooms. */
  has(connectionId: string): boolean {
    return this.#byConnection.has(connectionId);
  }

  /** How many connections are behind in a room. */
  countIn(roomId: string): number {
    return this.#byRoom.get(roomId) ?? 0;
  }
}

function count(counts: Map<string, number>, key: string, change: 1 | -1): void {
  const sum = (counts.get(key) ?? 0) + change;
  if (sum === 0) counts.delete(key);
  else counts.set(key, sum);
}
