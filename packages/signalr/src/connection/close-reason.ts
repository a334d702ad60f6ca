/*
 * The catalogue of the reasons for which a connection ends. The reason decides what the Close message contains, and whether
 * the client may reconnect automatically. All code that closes a connection names one of these reasons.
 */

import { SignalRError } from '../errors.js';

/** The rule for one close reason, which determines how the connection ends. @beta */
export interface CloseRule {
  /**
   * The Close message. `none`: no message, because the client is gone. `plain`: a message without an error text. `error`: a message
   * with an error text. `reason`: a message with an error text that names the reason, even without `enableDetailedErrors`.
   */
  readonly message: 'none' | 'plain' | 'error' | 'reason';
  /**
   * Value of `allowReconnect` in the Close message. A client does not reconnect if it is false, even if automatic reconnect
   * is on.
   */
  readonly allowReconnect: boolean;
  /** True if messages that wait in the outbound queue are discarded. */
  readonly discardsQueue: boolean;
  /** True if `onDisconnected` receives an error. */
  readonly isError: boolean;
}

/**
 * All close reasons with their rules, as in ASP.NET Core. ASP.NET Core does not have the reasons `send_timeout`,
 * `slow_consumer`, `rate_limited` and `server_closed`.
 * @beta
 */
export const CLOSE_RULES = {
  /** The client sent a Close message, or ended the transport properly. */
  client_closed: { message: 'plain', allowReconnect: false, discardsQueue: false, isError: false },
  /** The client sent a Close message with an error. */
  client_error: { message: 'plain', allowReconnect: false, discardsQueue: false, isError: true },
  /**
   * The application called `context.abort()` or `hub.connections.abort()`. On a raw connection: it called `connection.close()`, or its
   * handler returned.
   */
  aborted: { message: 'plain', allowReconnect: false, discardsQueue: false, isError: false },
  /** `onConnected` or `createItems` threw. */
  connected_failed: { message: 'error', allowReconnect: false, discardsQueue: false, isError: true },
  /** The handler of a raw connection threw, or closed the connection with an error. The error goes to `onEvent`. */
  handler_failed: { message: 'none', allowReconnect: true, discardsQueue: false, isError: true },
  /** The client sent bytes that are not a hub message. On a raw connection: text that is not UTF-8. */
  malformed_message: { message: 'error', allowReconnect: true, discardsQueue: false, isError: true },
  /** The client sent a message that exceeds the size limit. */
  message_too_big: { message: 'error', allowReconnect: true, discardsQueue: false, isError: true },
  /** The client had sent at least one ping, and then sent nothing for too long. */
  client_timeout: { message: 'error', allowReconnect: true, discardsQueue: false, isError: true },
  /** The network connection broke. */
  transport_lost: { message: 'none', allowReconnect: true, discardsQueue: true, isError: true },
  /** The transport accepted no bytes within the send timeout. */
  send_timeout: { message: 'plain', allowReconnect: true, discardsQueue: true, isError: true },
  /** The client read too slowly: its outbound queue was full, or the hub's `onBackpressure` closed the connection. */
  slow_consumer: { message: 'plain', allowReconnect: true, discardsQueue: true, isError: true },
  /** The client continued to send beyond its budget (`clientLimits`). */
  rate_limited: { message: 'reason', allowReconnect: false, discardsQueue: true, isError: true },
  /** The credentials expired, and the hub has the option `closeOnAuthenticationExpiration`. */
  authentication_expired: { message: 'plain', allowReconnect: true, discardsQueue: false, isError: false },
  /** `server.close()` or `server.drain()` closed the connection. */
  server_closed: { message: 'plain', allowReconnect: true, discardsQueue: false, isError: false },
} as const satisfies Record<string, CloseRule>;

/** The reason for which a connection ended. @beta */
export type CloseReason = keyof typeof CLOSE_RULES;

/** The reason and the error with which a connection ended. `onDisconnected` receives the error. */
export interface CloseCause {
  readonly reason: CloseReason;
  readonly error: Error | undefined;
}

const DESCRIPTIONS = {
  client_error: 'The client closed the connection with an error.',
  connected_failed: 'onConnected failed.',
  malformed_message: 'The client sent a malformed message.',
  message_too_big: 'The maximum message size was exceeded.',
  client_timeout: "Client hasn't sent a message/ping within the configured ClientTimeoutInterval.",
  transport_lost: 'The transport ended without a closing handshake.',
  send_timeout: 'The client took no data for the send timeout.',
  rate_limited:
    'The client continued to send more than its budget allows. Wait 10 s or longer before the next connection.',
  slow_consumer: 'The client read too slowly; its outbound queue was full.',
} as const;

/** Returns the error that `onDisconnected` and logs receive if no other error ended the connection. */
export function describeReason(reason: CloseReason): SignalRError {
  return hasDescription(reason)
    ? new SignalRError(reason, DESCRIPTIONS[reason])
    : new SignalRError('aborted', 'The connection was closed.');
}

function hasDescription(reason: CloseReason): reason is keyof typeof DESCRIPTIONS {
  return reason in DESCRIPTIONS;
}
