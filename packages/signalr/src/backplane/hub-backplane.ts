/*
 * The interface of a backplane, which connects several instances of a server: channels of opaque bytes. A backplane stores nothing.
 */

/** An active subscription. */
export interface BackplaneSubscription {
  /**
   * Ends the subscription. Nothing is delivered after this call. Resolves when the backplane has ended the subscription, too. Never
   * rejects.
   */
  unsubscribe(): Promise<void>;
}

/**
 * Carries bytes from any instance to all subscribers of a channel.
 *
 * Guarantees: the messages of one publisher on a channel arrive in the order of its calls, each at most once and unchanged. A
 * message that is published while a subscriber cannot be reached is lost for that subscriber, without notice. The hub detects the
 * loss by sequence numbers. After a broken connection, a subscription is restored automatically.
 */
export interface HubBackplane {
  /**
   * Resolves as soon as the subscription is active. From then on messages arrive, including messages of the subscriber's own
   * process. Rejects if the subscription fails; nothing is delivered then.
   * @param onMessage called asynchronously, never inside `publish`. It never throws. It must not change the bytes, and may use them
   * only until it returns
   */
  subscribe(channel: string, onMessage: (message: Uint8Array) => void): Promise<BackplaneSubscription>;
  /**
   * Resolves when the message was accepted for all subscribers. Rejects if that is not certain; the message may still arrive then.
   * @param message belongs to the backplane from now on, so the caller must not change it
   */
  publish(channel: string, message: Uint8Array): Promise<void>;
}
