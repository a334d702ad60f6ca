// What the application can ask of a client's state.

/**
 * idle → connecting → live or resyncing → reconnecting → resyncing → live → …; from each of them → closed, and from
 * there → connecting.
 *
 * `idle`: never connected. `connecting`: on the way, after `connect`. `live`: connected, every room as it was.
 * `reconnecting`: the connection broke, the next attempts run. `resyncing`: connected again, rooms are being joined and
 * what was missed comes in. `closed`: by `close`, or because going on made no sense.
 */
export type ClientState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'resyncing' | 'closed';

/** A change of the state. */
export interface StateChange {
  readonly state: ClientState;
  readonly previous: ClientState;
  /** Why, where there is a reason: what broke the connection; why the client closed by itself. */
  readonly cause?: Error;
}

/** What became of the events that arrived. */
export interface ClientCounts {
  /** Given to handlers, or to nobody because there is none. */
  readonly delivered: number;
  /** Dropped: an event with this `event_id` had been delivered. */
  readonly repeated: number;
  /** Dropped: of a room that is not joined, mostly one just left. */
  readonly ignored: number;
}
