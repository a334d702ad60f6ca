// The errors of the client. The client's functions throw them or reject with them, and `onError` handlers
// receive them.

/** Stable codes of {@link ClientError}. @public */
export const CLIENT_ERROR_CODES = [
  'invalid_argument',
  'closed',
  'unauthorized',
  'connection_failed',
  'gave_up',
  'refused',
  'handler_failed',
  'load_failed',
  'bad_message',
] as const;

/** One of {@link CLIENT_ERROR_CODES}. @public */
export type ClientErrorCode = (typeof CLIENT_ERROR_CODES)[number];

/**
 * An operation that the client refused, or that failed.
 *
 * - `invalid_argument`: a mistake in the calling code.
 * - `closed`: the client was closed, or the room was left, before the call was done.
 * - `unauthorized`: the gateway refused the credentials, and there are no other credentials.
 * - `connection_failed`: an attempt to connect failed. The client tries again.
 * - `gave_up`: `maxAttempts` attempts in a row failed.
 * - `refused`: the gateway refused a call. The message contains the gateway's reason.
 * - `handler_failed`: a handler of the application threw an error, which is the `cause`.
 * - `load_failed`: a loader of the application failed. The error is the `cause`, and the loader is called again.
 * - `bad_message`: the gateway sent a message that this client cannot read.
 * @public
 */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ClientErrorCode;
  /** ID of the room that the error concerns, as it was given to `join`. */
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

/** Returns the text of anything that was thrown. */
export function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** True if the gateway refused the room ID as invalid, so that no user can enter the room. */
export function isInvalidRoom({ message }: ClientError): boolean {
  return message.startsWith('The room ID must be');
}

/**
 * True for a refusal with the hub's text "Try again", or "again in" so many milliseconds. The hub could not decide, because a
 * service that it needs did not answer, or the user called too often.
 */
export function isTemporary(error: unknown): boolean {
  return error instanceof ClientError && /\b(try again|again in)\b/i.test(error.message);
}

/** True for the refusal of a room from which this user was removed. */
export function isRemoval({ message }: ClientError): boolean {
  return message.startsWith('You were removed from this room.');
}

/** Passes an error to the `onError` handlers, or writes it to the console if there is none. */
export type ReportError = (error: ClientError) => void;
