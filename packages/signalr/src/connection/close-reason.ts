/*
 * The catalogue of reasons for which a connection ends: the content of the Close message, and whether the client may reconnect
 * automatically. All code that closes a connection names one of these.
 */

import { SignalRError } from '../errors.js';

/** The way in which the connection ends for one reason. */
export interface CloseRule {
  /** `none`: the client is gone, or has been answered already. `plain`: without an error text. */
  readonly message: 'none' | 'plain' | 'error';
  /** Value of `allowReconnect`; when it is false, even a client with automatic reconnect stays away. */
  readonly allowReconnect: boolean;
  /** True when the messages that wait in the outbound queue are discarded. */
  readonly discardsQueue: boolean;
  /** True when `onDisconnected` receives an error. */
  readonly isError: boolean;
}

/** All reasons. The values follow ASP.NET Core, except the last three, which it does not have. */
export const CLOSE_RULES = {
  /** The client ended it: a Close message, or the transport's proper end. */
  client_closed: { message: 'plain', allowReconnect: false, discardsQueue: false, isError: false },
  /** The client ended it with an error. */
  client_error: { message: 'plain', allowReconnect: false, discardsQueue: false, isError: true },
  /** `context.abort()`. */
  aborted: { message: 'plain', allowReconnect: false, discardsQueue: false, isError: false },
  /** `onConnected` or `createItems` threw. */
  connected_failed: { message: 'error', allowReconnect: false, discardsQueue: false, isError: true },
  /** The client sent bytes that are not a hub message. */
  malformed_message: { message: 'error', allowReconnect: true, discardsQueue: false, isError: true },
  /** The client sent a message over the size limit. */
  message_too_big: { message: 'error', allowReconnect: true, discardsQueue: false, isError: true },
  /** A client that pings was silent for too long. */
  client_timeout: { message: 'error', allowReconnect: true, discardsQueue: false, isError: true },
  /** The network connection broke. */
  transport_lost: { message: 'none', allowReconnect: true, discardsQueue: true, isError: true },
  /** The transport accepted no bytes for the send timeout. */
  send_timeout: { message: 'plain', allowReconnect: true, discardsQueue: true, isError: true },
  /** More waited for the client than the outbound queue may hold. */
  slow_consumer: { message: 'plain', allowReconnect: true, discardsQueue: true, isError: true },
  /** The credentials expired, and the hub closes such connections. */
  authentication_expired: { message: 'plain', allowReconnect: true, discardsQueue: false, isError: false },
  /** `server.close()` and `drain`. */
  server_closed: { message: 'plain', allowReconnect: true, discardsQueue: false, isError: false },
} as const satisfies Record<string, CloseRule>;

/** The reason for which a connection ended. */
export type CloseReason = keyof typeof CLOSE_RULES;

/** How a connection ended. `onDisconnected` receives the error. */
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
  slow_consumer: 'The client read too slowly; its outbound queue was full.',
} as const;

/** The error that `onDisconnected` and logs receive when the reason has no other error. */
export function describeReason(reason: CloseReason): SignalRError {
  return hasDescription(reason)
    ? new SignalRError(reason, DESCRIPTIONS[reason])
    : new SignalRError('aborted', 'The connection was closed.');
}

function hasDescription(reason: CloseReason): reason is keyof typeof DESCRIPTIONS {
  return reason in DESCRIPTIONS;
}
