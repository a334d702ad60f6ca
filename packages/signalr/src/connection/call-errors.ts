/*
 * Errors of a call from the server to a client. If ASP.NET Core has the same error, the text is the text of ASP.NET Core.
 */
import { SignalRError } from '../errors.js';

export function unknownConnection(connectionId: string): SignalRError {
  return new SignalRError('unknown_connection', `Connection '${connectionId}' does not exist.`);
}

export function disconnected(connectionId: string): SignalRError {
  return new SignalRError('disconnected', `Connection '${connectionId}' disconnected.`);
}

export function notReady(): SignalRError {
  const text = 'A client cannot be asked inside its onConnected, because its answer would not be read.';
  return new SignalRError('not_ready', text);
}

export function canceled(): SignalRError {
  return new SignalRError('canceled', 'Invocation canceled by the server.');
}

export function tooManyCalls(): SignalRError {
  return new SignalRError(
    'too_many_calls',
    'Too many calls wait for an answer of this client (at most 1,000).',
  );
}
