/*
 * The objects that a connection reports to: the hub's record of this connection, and the observer of all connections.
 */

/** The hub's record of one connection. */
export interface ConnectionOwner {
  /** Called once, when the state becomes `closing` or `closed`. */
  onEnding(): void;
  /** Called by the `send` that fills the outbound queue to more than half. */
  onBackpressure(): void;
}

/** Observes all connections of a hub. The type of the connections is a parameter, because `HubConnection` uses this interface. */
export interface ConnectionObserver<Connection> {
  /** Called when a waiting message is discarded because a newer message has the same key. */
  onReplaced(connection: Connection): void;
  /** Called once, when the transport has ended. */
  onClosed(connection: Connection): void;
  /** Called once, when the connection has ended completely. */
  onEnded(connection: Connection): void;
}
