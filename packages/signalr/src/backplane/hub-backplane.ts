/*
 * The interface of a backplane, which connects several instances of a server. A backplane carries opaque bytes over named channels,
 * and stores nothing.
 */

/** An active subscription. @beta */
export interface BackplaneSubscription {
  /**
   * Ends the subscription. Nothing is delivered after this call. Resolves when the subscription has ended in the backplane itself.
   * Never rejects.
   */
  unsubscribe(): Promise<void>;
}

/**
 * Carries bytes from any instance to all subscribers of a channel.
 *
 * Guarantees: the messages of one publisher on a channel arrive unchanged, at most once, and in the order of its `publish`
 * calls. A subscriber that cannot be reached misses the messages of that time, and is not told. The hub detects the loss by
 * sequence numbers. A subscription is restored automatically after a broken connection.
 * @beta
 */
export interface HubBackplane {
  /**
   * Subscribes to a channel. Resolves when the subscription is active. From then on, all messages arrive, even those of the
   * subscriber's own process. Rejects if the subscription fails, and then delivers nothing.
   * @param onMessage called asynchronously, never inside `publish`. It never throws. It must not change the bytes, nor use
   *   them after it returns
   */
  subscribe(channel: string, onMessage: (message: Uint8Array) => void): Promise<BackplaneSubscription>;
  /**
   * Publishes a message. Resolves when the backplane has accepted the message for all subscribers. Rejects if that is not
   * certain. The message may still arrive after a rejection.
   * @param message belongs to the backplane from now on, so the caller must not change it
   */
  publish(channel: string, message: Uint8Array): Promise<void>;
}
