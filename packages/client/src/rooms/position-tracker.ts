// From which position each room has to be resumed, should the connection break now. Pure.

interface JoinPosition {
  /** What the join answered. */
  readonly position: string;
  /** How many positions the connection had seen when the join completed. */
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
 * A position covers all rooms of its scope (what stands before its `~`; everything where nothing does), so the newest one
 * holds for every such room that gets its events live: a quiet room need not be resumed from its last event of long ago. Two
 * rules keep that from losing anything:
 *
 * - A room whose join has not completed keeps the position it had: its missed events are still to come, whatever
 *   other rooms have seen meanwhile. Its own events may be replayed old ones: they move no other room (`Session` moves the room itself).
 * - A room that has just joined starts at its answer's position, not at the newest one seen: another room's event
 *   may have come before events that waited for the join. From the next position on it goes with the others.
 *
 * Positions are opaque and cannot be compared; going by their order of arrival can only lead too far back, and what is
 * sent again is dropped as a repeat.
 */
export class PositionTracker {
  /** By room; only rooms whose join has completed on this connection. */
  readonly #joined = new Map<string, JoinPosition>();
  /** By scope; as many as the gateway has partitions. Each is newer than what is known of every scope. */
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

  /** A position came: with a live event of a joined room, or by itself. */
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

  /** Where to resume the room; `undefined` while its join has not completed on this connection. */
  resumeAfter(roomId: string): string | undefined {
    const joined = this.#joined.get(roomId);
    if (joined === undefined) return undefined;
    const seen = this.#latest.get(scopeOf(joined.position)) ?? this.#latestOfAll;
    return seen !== undefined && seen.number > joined.seenBefore ? seen.position : joined.position;
  }
}

/** Which rooms a position covers: what stands before the last `~`, without the version that later gateways put first. */
function scopeOf(position: string): string {
  return position.slice(0, Math.max(0, position.lastIndexOf('~'))).replace(/^v\d+~?/, '');
}
