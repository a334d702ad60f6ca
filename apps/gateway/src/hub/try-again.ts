// Creates hub errors for temporary failures.
import { HubError } from '@millrace/signalr';

/**
 * Creates the error for a call that failed for a temporary reason and was not refused. Clients recognise it by the last words
 * of its message. They keep their position, and call again after a pause.
 */
export function tryAgain(reason: string, options?: ErrorOptions): HubError {
  return new HubError(`${reason} Try again later.`, options);
}
