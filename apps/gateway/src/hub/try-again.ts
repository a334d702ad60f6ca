// Creates hub errors that are temporary.
import { HubError } from '@millrace/signalr';

/**
 * An error for a call that could not be decided, which is not the same as refused. Clients recognise it by its last words, keep their
 * position and call again after a pause.
 */
export function tryAgain(reason: string, options?: ErrorOptions): HubError {
  return new HubError(`${reason} Try again later.`, options);
}
