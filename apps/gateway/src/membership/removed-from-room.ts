// The hub errors of connections that are not, or may not be, in a room.
import { HubError } from '@millrace/signalr';

/** Creates the error of a join whose connection left the room while it was sent what it had missed. */
export function leftRoom(): HubError {
  return new HubError('You have left this room.');
}

/** Creates the error for every call that needs the room. It stays until the user is added again. */
export function removedFromRoom(): HubError {
  return new HubError('You were removed from this room. You may enter it when you have been added again.');
}

/** Creates the error of a join that a function of a view calls after its client has gone. */
export function connectionEnded(): HubError {
  return new HubError('The connection has ended, so it can join no room.');
}
