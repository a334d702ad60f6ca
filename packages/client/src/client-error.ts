// The client's errors: what calls throw or reject with, and what `onError` is told.

/** Stable codes of {@link ClientError}. */
export const CLIENT_ERROR_CODES = [
  'invalid_argument',
  'closed',
  'unauthorized',
  'connection_failed',
  'gave_up',
  'refused',
  'handler_failed',
  'bad_message',
] as const;

/** One of {@link CLIENT_ERROR_CODES}. */
export type ClientErrorCode = (typeof CLIENT_ERROR_CODES)[number];

/**
 * Something the client cannot do, or could not do.
 *
 * `invalid_argument`: a mistake in the calling code. `closed`: the client was closed, or the room left, before it was
 * done. `unauthorized`: the gateway refused the credentials and there are no others. `connection_failed`: an attempt
 * to connect failed; the next one follows by itself. `gave_up`: `maxAttempts` attempts in a row failed. `refused`: the
 * gateway refused a call, its reason is the message. `handler_failed`: a handler of the application threw, see
 * `cause`. `bad_message`: the gateway sent something this client does not understand.
 */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;
  /** The room it is about, as it was given to `join`. */
  readonly roomId: string | undefined;

  constructor(
    code: ClientErrorCode,
    message: string,
    details: { readonly roomId?: string; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.roomId = details.roomId;
  }
}

/** True for a refusal that ends with the hub's "Try again": it could not ask somebody, and did not say no. */
export function isTemporary(error: unknown): boolean {
  return error instanceof ClientError && /\btry again\b/i.test(error.message);
}

/** Takes an error that nobody awaits. */
export type ReportError = (error: ClientError) => void;
