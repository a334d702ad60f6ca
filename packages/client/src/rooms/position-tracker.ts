// The position after which each room has to be resumed if the connection breaks now. Pure.

interface JoinPosition {
  /** The position in the answer of the join. */
  readonly position: string;
  /** Number of positions that the connection had seen when the join completed. */
  readonly seenBefore: number;
}

interface Seen {
  readonly position: string;
  /** Counts the positions of the connection. */
  readonly number: number;
}

/** Scope of a position that covers every room although there are several scopes. */
const EVERY_SCOPE = 'all';

/**
 * The positions of one connection.
 *
 * A position covers all rooms of its scope (the text before its `~`; without a `~` all rooms). So the newest position
 * holds for every room of the scope that receives its events live: a quiet room need not be resumed from its last event long
 * ago. Two rules prevent a loss:
 *
 * - A room whose join has not completed keeps the position it had: its missed events are still to come, whatever
 *   other rooms have seen. Its own events may be replayed old ones: they move no other room (`Session` moves the room itself).
 * - A room that has just joined starts at the position in its answer, not at the newest position seen: an event of another room
 *   may have arrived before events that waited for the join. From the next position on, the room follows the others.
 *
 * Positions are opaque and cannot be compared. Following their order of arrival can only resume too early, and events that are
 * sent again are dropped as repeats.
 */
export class PositionTracker {
  /** By room; holds only rooms whose join has completed on this connection. */
  readonly #joined = new Map<string, JoinPosition>();
  /** By scope; bounded by the gateway's partitions. Each is newer than {@link #latestOfAll}. */
  readonly #latest = new Map<string, Seen>();
  #latestOfAll: Seen | undefined;
  #seen = 0;

  /** The join of a room completed with this position. */
  joined(roomId: string, position: string): void {
    this.#joined.set(roomId, { position, seenBefore: this.#seen });
  }

  left(roomId: string): void {
    this.#joined.delete(roomId);
  }

  /** A position arrived, alone or with a live event of a joined room. */
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

  /** The position after which to resume the room; `undefined` while its join has not completed on this connection. */
  resumeAfter(roomId: string): string | undefined {
    const joined = this.#joined.get(roomId);
    if (joined === undefined) return undefined;
    const seen = this.#latest.get(scopeOf(joined.position)) ?? this.#latestOfAll;
    return seen !== undefined && seen.number > joined.seenBefore ? seen.position : joined.position;
  }
}

/** The scope of a position: the text before the last `~`, without the version that later gateways put first. */
function scopeOf(position: string): string {
  return position.slice(0, Math.max(0, position.lastIndexOf('~'))).replace(/^v\d+~?/, '');
}
