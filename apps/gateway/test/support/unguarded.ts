// Lets tests of single components use rooms that no guard has opened.
import type { GrantedRoom } from '../../src/access/room-guard.js';
import type { ConnectionRooms } from '../../src/rooms/connection-rooms.js';

/** The rooms of a connection, with a `join` that accepts any room. */
export type UnguardedRooms = Omit<ConnectionRooms, 'join'> & {
  join(
    connection: Parameters<ConnectionRooms['join']>[0],
    roomId: string,
    after: Parameters<ConnectionRooms['join']>[2],
  ): ReturnType<ConnectionRooms['join']>;
};

/** Returns the room as if a guard had opened it. */
export function unguarded(roomId: string): GrantedRoom {
  return roomId as GrantedRoom;
}
