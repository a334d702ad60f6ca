/*
 * The error texts that clients receive: those of ASP.NET Core, with details only where they are enabled.
 */
import { HubError, SignalRError, type SignalRErrorCode } from '../errors.js';

/**
 * `prefix`, followed by the details when the error is a {@link HubError} or when details are enabled.
 * Any other error's text stays on the server.
 */
export function buildErrorText(prefix: string, error: unknown, enableDetailedErrors: boolean): string {
  if (error instanceof HubError) return `${prefix} HubException: ${error.message}`;
  if (!enableDetailedErrors) return prefix;
  return `${prefix} ${typeNameOf(error)}: ${error instanceof Error ? error.message : String(error)}`;
}

/** Anything that was thrown, as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

const DOTNET_NAMES: { readonly [Code in SignalRErrorCode]?: string } = {
  canceled: 'OperationCanceledException',
  client_timeout: 'OperationCanceledException',
  disconnected: 'OperationCanceledException',
  invalid_argument: 'InvalidDataException',
  malformed_message: 'InvalidDataException',
  message_too_big: 'InvalidDataException',
};

/** Invalid data has the exception name of .NET, so that clients see the text they know. */
function typeNameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Error';
  return (error instanceof SignalRError ? DOTNET_NAMES[error.code] : undefined) ?? error.name;
}
