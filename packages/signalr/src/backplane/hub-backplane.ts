/*
 * The interface of a backplane, which connects several instances of a server. A backplane carries opaque bytes over named channels,
 * and stores nothing.
 */

/** An active subscription. */
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
 * Guarantees: the messages of one publisher on a channel arrive in the order of its `publish` calls, each at most once and
 * unchanged. A message that is published while a subscriber cannot be reached is lost for that subscriber, without notice. The hub
 * detects the loss by sequence numbers. After a broken connection, a subscription is restored automatically.
 */
export interface HubBackplane {
  /**
   * Subscribes to a channel. Resolves as soon as the subscription is active. From then on, messages arrive,
   * including messages that the subscriber's own process publishes. Rejects if the subscription fails. In
   * this case, nothing is delivered.
   * @param onMessage called asynchronously, never inside `publish`. `onMessage` never throws. It must not
   * change the bytes, and may use the bytes only until it returns
   */
  subscribe(channel: string, onMessage: (message: Uint8Array) => void): Promise<BackplaneSubscription>;
  /**
   * Publishes a message. Resolves when the backplane has accepted the message for all subscribers. Rejects if
   * this is not certain. In that case, the message may still arrive.
   * @param message belongs to the backplane from now on, so the caller must not change it
   */
  publish(channel: string, message: Uint8Array): Promise<void>;
}
