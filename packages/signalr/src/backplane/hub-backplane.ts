/*
 * What several instances of a server need of whatever connects them: the port. Channels of opaque bytes, nothing stored.
 */

/** A subscription that is under way. */
export interface BackplaneSubscription {
  /** From this call on nothing is handed over any more. Resolves when it is over for the other side as well. Never rejects. */
  unsubscribe(): Promise<void>;
}

/**
 * Carries bytes from any instance to all that listen to a channel.
 *
 * Guarantees: the messages of one publisher on a channel arrive in the order of its calls, each at most once, to the byte. What is
 * published while a subscriber cannot be reached is lost to it, and it is not told: the hub counts. A subscription outlives a connection that
 * breaks; it is restored without being asked for again.
 */
export interface HubBackplane {
  /**
   * Resolves when messages arrive from now on, those of the subscriber's own process included. Rejects when they will not;
   * nothing is handed over then.
   * @param onMessage called in a turn of its own, never inside of `publish`. Never throws. The bytes are not to be changed, and
   * belong to it only while it runs
   */
  subscribe(channel: string, onMessage: (message: Uint8Array) => void): Promise<BackplaneSubscription>;
  /**
   * Resolves when the message was taken for whoever is subscribed. Rejects when it is not known to have been; it may arrive all
   * the same.
   * @param message belongs to the backplane from now on: nobody changes it
   */
  publish(channel: string, message: Uint8Array): Promise<void>;
}
