// The states of a client, and its counts.

/**
 * idle → connecting → live or resyncing → reconnecting → resyncing → live → …; from each of them → closed, and from
 * there → connecting.
 *
 * `idle`: never connected. `connecting`: `connect` was called, and the first attempts run. `live`: connected, and every room is
 * joined. `reconnecting`: the connection broke, and the next attempts run. `resyncing`: connected again; the rooms are being
 * joined, and missed events arrive. `closed`: by `close`, or because no further attempt makes sense.
 */
export type ClientState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'resyncing' | 'closed';

/** A change of the state. */
export interface StateChange {
  readonly state: ClientState;
  readonly previous: ClientState;
  /** The reason, if there is one: why the connection broke, or why the client closed without a call of `close`. */
  readonly cause?: Error;
}

/** Counts of the events that arrived, by what was done with them. */
export interface ClientCounts {
  /** Given to the handlers; also counted when there is no handler. */
  readonly delivered: number;
  /** Dropped because an event with this `event_id` had been delivered. */
  readonly repeated: number;
  /** Dropped because the room is not joined; usually it has just been left. */
  readonly ignored: number;
}
