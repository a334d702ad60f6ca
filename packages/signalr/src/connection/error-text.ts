/*
 * The error texts that clients receive, as in ASP.NET Core. A client receives an error's own message only if the error is a
 * `HubError`, or if detailed errors are enabled.
 */
import { HubError, SignalRError, type SignalRErrorCode } from '../errors.js';

/** Returns `prefix`. The error's own text follows if the error is a {@link HubError}, or if detailed errors are enabled. */
export function buildErrorText(prefix: string, error: unknown, enableDetailedErrors: boolean): string {
  if (error instanceof HubError) return `${prefix} HubException: ${error.message}`;
  if (!enableDetailedErrors) return prefix;
  return `${prefix} ${typeNameOf(error)}: ${error instanceof Error ? error.message : String(error)}`;
}

/** Returns a thrown value if it is an Error, otherwise an Error with the value as its text. Never throws. */
export function toError(thrown: unknown): Error {
  try {
    return thrown instanceof Error ? thrown : new Error(String(thrown));
  } catch {
    // A revoked proxy cannot be examined, and an object without a prototype has no text.
    return new Error('A value was thrown that is no Error and has no text.');
  }
}

const DOTNET_NAMES: { readonly [Code in SignalRErrorCode]?: string } = {
  canceled: 'OperationCanceledException',
  client_timeout: 'OperationCanceledException',
  disconnected: 'OperationCanceledException',
  invalid_argument: 'InvalidDataException',
  malformed_message: 'InvalidDataException',
  message_too_big: 'InvalidDataException',
};

/**
 * Returns the name of the .NET exception for the same failure, if there is one. Clients receive the text that they know from
 * ASP.NET Core.
 */
function typeNameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Error';
  return (error instanceof SignalRError ? DOTNET_NAMES[error.code] : undefined) ?? error.name;
}
