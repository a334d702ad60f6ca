// Hub errors that pass by themselves.
import { HubError } from '@millrace/signalr';

/**
 * Something could not be asked, which is not the same as refused. Clients know it by its last words, keep their position and call
 * again after a pause.
 */
export function tryAgain(reason: string, options?: ErrorOptions): HubError {
  return new HubError(`${reason} Try again later.`, options);
}
