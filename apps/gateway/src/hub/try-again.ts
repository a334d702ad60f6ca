// Creates hub errors for temporary failures.
import { HubError } from '@millrace/signalr';

/**
 * Creates the error for a call that was not refused, but failed for a temporary reason. Clients recognise the
 * error by the last words of its message. Clients keep their position, and call again after a pause.
 */
export function tryAgain(reason: string, options?: ErrorOptions): HubError {
  return new HubError(`${reason} Try again later.`, options);
}
