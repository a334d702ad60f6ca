// The states of a client, and its counts.

/**
 * Transitions: idle → connecting → live or resyncing → reconnecting → resyncing → live → …. Every state can
 * change to closed, and closed to connecting.
 *
 * - `idle`: the client has never connected.
 * - `connecting`: `connect` was called, and the client tries to connect for the first time.
 * - `live`: the client is connected, and every room is resumed or refused for now.
 * - `reconnecting`: the connection was lost, and the client tries to reconnect.
 * - `resyncing`: the client is connected again, joins its rooms and receives missed events.
 * - `closed`: `close` was called, or the client gave up.
 * @public
 */
export type ClientState = 'idle' | 'connecting' | 'live' | 'reconnecting' | 'resyncing' | 'closed';

/** A change of the state. @public */
export interface StateChange {
  readonly state: ClientState;
  readonly previous: ClientState;
  /** The reason why the connection was lost, or why the client closed by itself. Absent if there is none. */
  readonly cause?: Error;
}

/** Counts of the events that arrived, by how the client handled them. @beta */
export interface ClientCounts {
  /** Events that were given to the handlers, even if there was no handler. */
  readonly delivered: number;
  /** Events that were dropped because an event with the same `event_id` had already been delivered. */
  readonly repeated: number;
  /**
   * Events that were dropped because their room is not joined. Usually, the client has just left the room.
   */
  readonly ignored: number;
}
