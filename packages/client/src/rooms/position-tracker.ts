// Tracks the position from which each room must be resumed if the connection is lost. Performs no I/O.

interface JoinPosition {
  /** The position in the answer to the join. */
  readonly position: string;
  /** Number of positions that the connection had seen when the join completed. */
  readonly seenBefore: number;
}

interface Seen {
  readonly position: string;
  /** Serial number of the position on this connection. */
  readonly number: number;
}

/** Scope of a position that covers every room, even if the gateway has several scopes. */
const EVERY_SCOPE = 'all';

/**
 * The positions of one connection.
 *
 * A position covers all rooms of its scope. The scope is the text before the `~`. A position without a `~` covers all rooms.
 * Every live room of a scope can be resumed from the newest position of the scope. A quiet room's own last event may be old,
 * so the room is resumed from that position instead. Two rules prevent a loss:
 *
 * - A room whose join has not completed keeps its old position. Its missed events have not arrived yet, even if other rooms
 *   have newer positions. The events that arrive for it may be replayed old events. Therefore their positions do not count
 *   for other rooms. `Session` updates the position of the room itself.
 * - A room whose join has just completed starts at the position in the answer instead of the newest position. An event of
 *   another room may have arrived before events that waited for the join. The next position that arrives is valid for this
 *   room, too.
 *
 * Positions are opaque and cannot be compared, so the tracker uses the order of their arrival. A room may therefore resume
 * from a position that is too old, but never from one that is too new. Events that are sent again are dropped as repeats.
 */
export class PositionTracker {
  /** The join position of each room whose join has completed on this connection. */
  readonly #joined = new Map<string, JoinPosition>();
  /**
   * The newest position of each scope, if it is newer than {@link #latestOfAll}. The gateway's partitions bound the number of
   * scopes.
   */
  readonly #latest = new Map<string, Seen>();
  #latestOfAll: Seen | undefined;
  #seen = 0;

  /** Records that the join of a room completed with this position. */
  joined(roomId: string, position: string): void {
    this.#joined.set(roomId, { position, seenBefore: this.#seen });
  }

  left(roomId: string): void {
    this.#joined.delete(roomId);
  }

  /** Records a position that arrived alone or with a live event of a joined room. */
  see(position: string): void {
    const seen = { position, number: ++this.#seen };
    const scope = scopeOf(position);
    if (scope === EVERY_SCOPE) {
      this.#latest.clear();
      this.#latestOfAll = seen;
    } else {
      this.#latest.set(scope, seen);
    }
  }

  /** Returns the position after which to resume the room, or `undefined` if its join has not completed on this connection. */
  resumeAfter(roomId: string): string | undefined {
    const joined = this.#joined.get(roomId);
    if (joined === undefined) return undefined;
    const seen = this.#latest.get(scopeOf(joined.position)) ?? this.#latestOfAll;
    return seen !== undefined && seen.number > joined.seenBefore ? seen.position : joined.position;
  }
}

/** Returns the scope of a position: the text before the last `~`. Removes the version that newer gateways put before the scope. */
function scopeOf(position: string): string {
  return position.slice(0, Math.max(0, position.lastIndexOf('~'))).replace(/^v\d+~?/, '');
}
