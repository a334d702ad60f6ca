/*
 * The catalogue of reasons for which a connection ends: what the client is told in the Close message, and
 * whether it may reconnect by itself. Everything that closes a connection names one of these.
 */

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
  /** `onConnected` threw. */
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
  /** `server.close()`. */
  server_closed: { message: 'plain', allowReconnect: true, discardsQueue: false, isError: false },
} as const satisfies Record<string, CloseRule>;

/** Why a connection ended. */
export type CloseReason = keyof typeof CLOSE_RULES;
