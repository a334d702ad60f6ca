/*
 * The hub's record of a connection, as the connection itself knows it.
 */

/** Called by one connection. */
export interface ConnectionOwner {
  /** Called once, when the state becomes `closing` or `closed`. */
  onEnding(): void;
  /** Called by the send that fills more than half of the outbound queue. */
  onBackpressure(): void;
}
