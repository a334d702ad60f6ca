/*
 * The catalogue of reasons for which a connection ends: what the client is told in the Close message, and
 * whether it may reconnect by itself. Everything that closes a connection names one of these.
 */

import { SignalRError } from '../errors.js';

/** How one reason is carried out. */
export interface CloseRule {
  /** `none`: the client is gone, or has been answered already. */
  readonly message: 'none' | 'plain' | 'error';
  /** What `allowReconnect` says; without it even a client with automatic reconnect stays away. */
  readonly allowReconnect: boolean;
  /** Whether what waits in the outbound queue is given up. */
  readonly discardsQueue: boolean;
  /** Whether `onDisconnected` is given an error. */
  readonly isError: boolean;
}

/** All reasons. The values follow ASP.NET Core, except the last three, which it does not have. */
export const CLOSE_RULES = {
  /** The client ended it: a Close message, or the transport's proper end. */
  client_closed: { message: 'plain', allowReconnect: false, discardsQueue: false, isError: false },
  /** The client ended it and gave an error. */
  client_error: { message: 'plain', allowReconnect: false, discardsQueue: false, isError: true },
  /** `context.abort()`. */
  aborted: { message: 'plain', allowReconnect: false, discardsQueue: false, isError: false },
  /** `onConnected` or `createItems` threw. */
  connected_failed: { message: 'error', allowReconnect: false, discardsQueue: false, isError: true },
  /** The client sent something that is no hub message. */
  malformed_message: { message: 'error', allowReconnect: true, discardsQueue: false, isError: true },
  /** The client sent more than one message may hold. */
  message_too_big: { message: 'error', allowReconnect: true, discardsQueue: false, isError: true },
  /** A client that pings was silent for too long. */
  client_timeout: { message: 'error', allowReconnect: true, discardsQueue: false, isError: true },
  /** The network connection broke. */
  transport_lost: { message: 'none', allowReconnect: true, discardsQueue: true, isError: true },
  /** The transport took no bytes for the send timeout. */
  send_timeout: { message: 'plain', allowReconnect: true, discardsQueue: true, isError: true },
  /** More waited for the client than the outbound queue may hold. */
  slow_consumer: { message: 'plain', allowReconnect: true, discardsQueue: true, isError: true },
  /** The credentials expired, and the hub closes such connections. */
  authentication_expired: { message: 'plain', allowReconnect: true, discardsQueue: false, isError: false },
  /** `server.close()` and `drain`. */
  server_closed: { message: 'plain', allowReconnect: true, discardsQueue: false, isError: false },
} as const satisfies Record<string, CloseRule>;

/** Why a connection ended. */
export type CloseReason = keyof typeof CLOSE_RULES;

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

/** An error for a reason that has none of its own: what `onDisconnected` and logs are told. */
export function describeReason(reason: CloseReason): SignalRError {
  return hasDescription(reason)
    ? new SignalRError(reason, DESCRIPTIONS[reason])
    : new SignalRError('aborted', 'The connection was closed.');
}

function hasDescription(reason: CloseReason): reason is keyof typeof DESCRIPTIONS {
  return reason in DESCRIPTIONS;
}
