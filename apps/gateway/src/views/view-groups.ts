// The names of a view's groups. Each pair of a declared group and a room is one group of the SignalR hub. Pure.
import type { GrantedRoom } from '../access/room-guard.js';

/** No name of a group and no room ID contains this character. */
const SEPARATOR = '\u0001';

/** Returns the name of the SignalR group for a declared group in a room. The group of a granted room is granted. */
export function keyOf(group: string, roomId: GrantedRoom): GrantedRoom;
export function keyOf(group: string, roomId: string): string;
export function keyOf(group: string, roomId: string): string {
  return `${group}${SEPARATOR}${roomId}`;
}

/** Returns the declared group of a key. */
export function groupOf(key: string): string {
  return key.slice(0, key.indexOf(SEPARATOR));
}

/** Returns the room of a key. */
export function roomOf(key: string): string {
  return key.slice(key.indexOf(SEPARATOR) + 1);
}
