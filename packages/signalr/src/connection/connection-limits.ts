/*
 * The limits and durations that every connection keeps; resolved from the server's options.
 */
import type { OutboundLimits } from './outbound-queue.js';

/** Limits of one connection. See the server's options for what each means and its default. */
export interface ConnectionLimits extends OutboundLimits {
  readonly keepAliveIntervalMs: number;
  readonly clientTimeoutMs: number;
  readonly handshakeTimeoutMs: number;
  readonly sendTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly maximumReceiveMessageBytes: number;
  readonly maximumInboundBufferBytes: number;
  readonly enableDetailedErrors: boolean;
  /** True when a connection ends once its credentials expire. */
  readonly closeOnAuthenticationExpiration: boolean;
}
