/*
 * The error texts that clients receive, as in ASP.NET Core. A client receives an error's own message only if the error is a
 * `HubError`, or if detailed errors are enabled.
 */
import { messageOf } from '@millrace/internal';
import { HubError, SignalRError, type SignalRErrorCode } from '../errors.js';

/** Returns `prefix`. The error's own text follows if the error is a {@link HubError}, or if detailed errors are enabled. */
export function buildErrorText(prefix: string, error: unknown, enableDetailedErrors: boolean): string {
  if (error instanceof HubError) return `${prefix} HubException: ${error.message}`;
  if (!enableDetailedErrors) return prefix;
  return `${prefix} ${typeNameOf(error)}: ${messageOf(error)}`;
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
