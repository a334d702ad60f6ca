// Connects the hub with presence: maps each connection to its client and to the rooms in which it counts.
import { userKey } from '@millrace/internal';
import { personalRoomOf } from '../auth/room-access.js';
import type { User } from '../auth/token-verifier.js';
import type { PresenceClient } from './local-presence.js';
import type { Presence } from './presence.js';
import { aboutUser } from './room-members.js';

/** The parts of a connection's context that presence uses. */
export interface PresentConnectionContext {
  readonly connectionId: string;
  readonly user: User;
  readonly request: { readonly query: Pick<ReadonlyMap<string, string>, 'get'> };
}

/** The rooms of connections, as presence sees them. */
export interface ConnectionPresence {
  /** Called when the connection has opened. From now on its user is online. */
  opened(connection: PresentConnectionContext): void;
  /** Called when the connection has joined a room. Repeated calls are harmless. */
  entered(connection: PresentConnectionContext, roomId: string): void;
  /** Called when the connection has left a room. Its user stays online. */
  left(connection: PresentConnectionContext, roomId: string): void;
  /** Called when the connection has ended. */
  ended(connection: PresentConnectionContext): void;
}

/** Does nothing: for a gateway without presence. */
export const NO_PRESENCE: ConnectionPresence = Object.freeze({
  opened: () => {},
  entered: () => {},
  left: () => {},
  ended: () => {},
});

/** Creates the {@link ConnectionPresence} of a gateway. */
export function connectionPresence(presence: Pick<Presence, 'enter' | 'leave' | 'lose'>): ConnectionPresence {
  const enter = (connection: PresentConnectionContext, roomId: string): void =>
    presence.enter(roomId, clientOf(connection));
  return {
    opened: (connection) => enter(connection, onlineRoomOf(connection.user)),
    entered: enter,
    left({ connectionId, user }, roomId) {
      if (roomId !== onlineRoomOf(user)) presence.leave(roomId, connectionId);
    },
    ended: ({ connectionId }) => presence.lose(connectionId),
  };
}

/** Returns the personal room of the user. Its members show whether the user is online. */
function onlineRoomOf({ userId }: User): string {
  return personalRoomOf(userKey(userId));
}

/** The form of the query field `client`, by which a client identifies itself. */
const CLIENT_ID = /^[\w-]{8,64}$/;

/** Returns the client of a connection. */
export function clientOf({ connectionId, user, request }: PresentConnectionContext): PresenceClient {
  const named = request.query.get('client');
  return {
    connectionId,
    user: userKey(user.userId),
    key: named !== undefined && CLIENT_ID.test(named) ? named : connectionId,
    about: aboutUser(user),
  };
}
