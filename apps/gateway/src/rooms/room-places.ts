// The places that a joined room takes: in the limits of its connection, its user and its tenant.
import { HubError } from '@millrace/signalr';
import { tryAgain } from '../hub/try-again.js';
import type { ConnectionRoomsDependencies, RoomConnection } from './room-connection.js';

type PlaceLimits = Pick<
  ConnectionRoomsDependencies,
  'maxRoomsPerConnection' | 'tenantConnections' | 'userRooms'
>;

/**
 * Takes the places of a room.
 * @param joinedCount the number of rooms that the connection has joined already
 * @throws HubError if the connection, or its user, has joined too many rooms. No place is taken then
 */
export function takePlaces(
  connection: RoomConnection,
  roomId: string,
  joinedCount: number,
  { maxRoomsPerConnection, tenantConnections, userRooms }: PlaceLimits,
): void {
  if (joinedCount >= maxRoomsPerConnection)
    throw new HubError(`A connection may join at most ${maxRoomsPerConnection} rooms.`);
  if (!userRooms.tryAdd(connection))
    throw new HubError(
      'You have joined the maximum number of rooms over all of your connections: leave some.',
    );
  if (tenantConnections?.tryAdd(connection.connectionId, roomId) === false) {
    userRooms.remove(connection, 1);
    throw tryAgain('The tenant of this room has the maximum number of connections to this gateway.');
  }
}

/** Gives the places of a room back. */
export function returnPlaces(
  connection: RoomConnection,
  roomId: string,
  { tenantConnections, userRooms }: PlaceLimits,
): void {
  tenantConnections?.remove(connection.connectionId, roomId);
  userRooms.remove(connection, 1);
}
