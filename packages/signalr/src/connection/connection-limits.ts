/*
 * The limits and durations of a connection. They come from the server's options.
 */
import type { OutboundLimits } from './outbound-queue.js';

/** Limits of one connection. `SignalRServerOptions` explains each limit and its default. */
export interface ConnectionLimits extends OutboundLimits {
  readonly keepAliveIntervalMs: number;
  readonly clientTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly maximumReceiveMessageBytes: number;
  readonly maximumInboundBufferBytes: number;
  readonly enableDetailedErrors: boolean;
  /** True when a connection is closed as soon as its credentials expire. */
  readonly closeOnAuthenticationExpiration: boolean;
}
