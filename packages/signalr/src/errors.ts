/*
 * The one error class of the package, its stable codes, and the error whose text a client may read.
 */

/** Stable codes of {@link SignalRError}; each is explained in docs/errors.md. */
export const SIGNALR_ERROR_CODES = [
  'aborted',
  'backplane_unavailable',
  'canceled',
  'client_error',
  'client_timeout',
  'connected_failed',
  'disconnected',
  'duplicate_method',
  'duplicate_path',
  'hub_error',
  'invalid_argument',
  'invalid_json_text',
  'invalid_option',
  'malformed_message',
  'message_too_big',
  'not_ready',
  'send_timeout',
  'server_closed',
  'slow_consumer',
  'too_many_calls',
  'transport_lost',
  'unknown_connection',
  'unserializable',
] as const;

/** One of {@link SIGNALR_ERROR_CODES}. */
export type SignalRErrorCode = (typeof SIGNALR_ERROR_CODES)[number];

/** An error of this package. `code` is stable, `message` is for people. */
export class SignalRError extends Error {
  readonly code: SignalRErrorCode;

  constructor(code: SignalRErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SignalRError';
    this.code = code;
  }
}

/**
 * The error a hub method throws to tell its caller something: the message is always sent to the client.
 * The text of any other error stays on the server, unless `enableDetailedErrors` is on.
 */
export class HubError extends SignalRError {
  constructor(message: string, options?: ErrorOptions) {
    super('hub_error', message, options);
    this.name = 'HubError';
  }
}
