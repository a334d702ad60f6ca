// The states of a client, and its counts.

/**
 * idle → connecting → live or resyncing → reconnecting → resyncing → live → …. Every state → closed, and closed → connecting.
 *
 * - `idle`: the client has never connected.
 * - `connecting`: `connect` was called, and the first attempts run.
 * - `live`: the client is connected, and no room has to be resumed, except rooms that the gateway refuses for now.
 * - `reconnecting`: the connection broke, and the next attempts run.
 * - `resyncing`: the client is connected again. The rooms are being joined, and missed events arrive.
 * - `closed`: `close` was called, or no further attempt makes sense.
 */
export type ClientState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'resyncing' | 'closed';

/** A change of the state. */
export interface StateChange {
  readonly state: ClientState;
  readonly previous: ClientState;
  /** The reason, if there is one: why the connection broke, or why the client closed without a call of `close`. */
  readonly cause?: Error;
}

/** Counts of the events that arrived, by how the client handled them. */
export interface ClientCounts {
  /** Events that were given to the handlers, even if there was no handler. */
  readonly delivered: number;
  /** Events that were dropped because an event with the same `event_id` had already been delivered. */
  readonly repeated: number;
  /** Events that were dropped because their room is not joined. Usually, the room has just been left. */
  readonly ignored: number;
}
