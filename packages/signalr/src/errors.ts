/*
 * The errors of the package: the base class with its stable codes, the error whose text is sent to the client, and the error for an
 * unavailable authentication service.
 */

/** Stable codes of {@link SignalRError}. docs/errors.md explains each code. @beta */
export const SIGNALR_ERROR_CODES = [
  'aborted',
  'authentication_unavailable',
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
  'rate_limited',
  'send_timeout',
  'server_closed',
  'slow_consumer',
  'too_many_calls',
  'transport_lost',
  'unknown_connection',
  'unserializable',
] as const;

/** One of {@link SIGNALR_ERROR_CODES}. @beta */
export type SignalRErrorCode = (typeof SIGNALR_ERROR_CODES)[number];

/** An error of this package. `code` is stable, `message` is for people. @beta */
export class SignalRError extends Error {
  readonly code: SignalRErrorCode;

  constructor(code: SignalRErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SignalRError';
    this.code = code;
  }
}

/**
 * The error that a hub method throws to inform its caller. Its message is always sent to the client. The text
 * of any other error stays on the server, unless `enableDetailedErrors` is on.
 * @beta
 */
export class HubError extends SignalRError {
  constructor(message: string, options?: ErrorOptions) {
    super('hub_error', message, options);
    this.name = 'HubError';
  }
}

/** Bounds of `Retry-After`, in seconds. The minimum is not 0, because with 0 a client would retry without any pause. */
const RETRY_SECONDS = { least: 1, most: 86_400 } as const;

/**
 * The error that `authenticate` throws when it cannot identify the client at the moment, because a service such as a key
 * server or a database is unavailable. The server answers with 503 and `Retry-After`. It does not answer with 401, because
 * clients treat 401 as final.
 * @beta
 */
export class AuthenticationUnavailable extends SignalRError {
  /** The value of `Retry-After`: whole seconds, from 1 to 86,400. */
  readonly retryAfterSeconds: number;

  /**
   * @param options.retryAfterMs time that the client should wait before it retries. Rounded up to whole
   * seconds. @defaultValue 1_000
   */
  constructor(message: string, options: ErrorOptions & { readonly retryAfterMs?: number } = {}) {
    const { retryAfterMs = 1_000, ...rest } = options;
    super('authentication_unavailable', message, rest);
    this.name = 'AuthenticationUnavailable';
    const seconds = Math.ceil(retryAfterMs / 1000) || RETRY_SECONDS.least;
    this.retryAfterSeconds = Math.min(RETRY_SECONDS.most, Math.max(RETRY_SECONDS.least, seconds));
  }
}

/** Returns the error for a wrong option. `fault` names the option, what is allowed, and the value unless it is a secret. */
export function invalidOption(fault: string): SignalRError {
  return new SignalRError('invalid_option', `Options: ${fault}`);
}
