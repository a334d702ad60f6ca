/*
 * The port to whatever connects several instances of a server: channels of opaque bytes, which stores nothing.
 */

/** An active subscription. */
export interface BackplaneSubscription {
  /** Nothing is delivered after this call. Resolves when the other side has ended the subscription as well. Never rejects. */
  unsubscribe(): Promise<void>;
}

/**
 * Carries bytes from any instance to all subscribers of a channel.
 *
 * Guarantees: the messages of one publisher on a channel arrive in the order of its calls, each at most once and unchanged. A
 * message that is published while a subscriber cannot be reached is lost to that subscriber without notice; the hub detects the loss
 * by counting. A subscription survives a broken connection: it is restored automatically.
 */
export interface HubBackplane {
  /**
   * Resolves once messages arrive, those of the subscriber's own process included. Rejects when they will not; nothing is
   * delivered then.
   * @param onMessage called in a separate turn, never inside `publish`. Never throws. It must not change the bytes, and may
   * use them only while it runs
   */
  subscribe(channel: string, onMessage: (message: Uint8Array) => void): Promise<BackplaneSubscription>;
  /**
   * Resolves when the message was accepted for all subscribers. Rejects when that is not certain; it may still arrive then.
   * @param message belongs to the backplane from now on: its caller must not change it
   */
  publish(channel: string, message: Uint8Array): Promise<void>;
}
