/*
 * Why a call of the server on a client fails, in the words of ASP.NET Core where it has them.
 */
import { SignalRError } from '../errors.js';

export function unknownConnection(connectionId: string): SignalRError {
  return new SignalRError('unknown_connection', `Connection '${connectionId}' does not exist.`);
}

export function disconnected(connectionId: string): SignalRError {
  return new SignalRError('disconnected', `Connection '${connectionId}' disconnected.`);
}

export function notReady(): SignalRError {
  const text = 'Client results inside onConnected are not possible: the answer would not be read.';
  return new SignalRError('not_ready', text);
}

export function canceled(): SignalRError {
  return new SignalRError('canceled', 'Invocation canceled by the server.');
}

export function tooManyCalls(): SignalRError {
  return new SignalRError('too_many_calls', 'Too many calls wait for the answer of this client.');
}
