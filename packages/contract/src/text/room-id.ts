// Checks room IDs. A room ID is any text without control characters. Code that builds a Redis key from a room
// ID escapes the room ID.
import { utf8Bytes } from './utf8-bytes.js';

/** Maximum length of a room ID, in bytes of UTF-8. @public */
export const MAX_ROOM_ID_BYTES = 256;

/** Matches texts that are NOT plain ASCII. Most IDs are plain ASCII and need no other check. */
const NOT_PLAIN_ASCII = /^(?![ -~]+$)/;
/**
 * Matches control characters (C0, DEL, C1) and lone surrogates. Lone surrogates have no UTF-8 form. Two room IDs that differ only
 * in lone surrogates would share one key.
 */
const FORBIDDEN = /[\p{Cc}\p{Cs}]/u;
/** The room of everybody: every connection is in it from the start. Only backends may send to it. @public */
export const EVERYBODY_ROOM = '*';
const TENANT_PREFIX = `${EVERYBODY_ROOM}:`;
/** The reserved room of control entries; see `control-entry.ts`. @beta */
export const CONTROL_ROOM = 'millrace:control';
const CONTROL_ROOM_PREFIX = `${CONTROL_ROOM}:`;
/** Maximum number of control rooms that {@link controlRoomWhere} tries. With 32 partitions, it needs 32 on average. */
const MAX_CONTROL_ROOMS = 10_000;

/** True for 1 to 256 bytes of UTF-8 without control characters, except for the control rooms, which are reserved. @public */
export function isRoomId(text: string): boolean {
  const { length } = text;
  if (length === 0 || length > MAX_ROOM_ID_BYTES) return false;
  if (!NOT_PLAIN_ASCII.test(text)) return !isControlRoom(text);
  return !FORBIDDEN.test(text) && !isControlRoom(text) && utf8Bytes(text) <= MAX_ROOM_ID_BYTES;
}

/** True for the room of everybody (`*`), and for the rooms of everybody of one tenant (`*:<tenant>`). @beta */
export function isBroadcastRoom(roomId: string): boolean {
  return roomId === EVERYBODY_ROOM || roomId.startsWith(TENANT_PREFIX);
}

/** Returns the room of everybody of a tenant: `*:<tenant>`. @beta */
export function broadcastRoomOf(tenant: string): string {
  return TENANT_PREFIX + tenant;
}

/** Returns the tenant of a room that {@link broadcastRoomOf} returned, or `undefined` for any other room. @beta */
export function tenantOfBroadcastRoom(roomId: string): string | undefined {
  return roomId.startsWith(TENANT_PREFIX) ? roomId.slice(TENANT_PREFIX.length) : undefined;
}

/** True for the rooms of control entries. Clients cannot enter them, and nobody can publish events into them. @beta */
export function isControlRoom(text: string): boolean {
  return text.startsWith(CONTROL_ROOM) && (text === CONTROL_ROOM || text.startsWith(CONTROL_ROOM_PREFIX));
}

/**
 * Returns the first control room that `belongs` to a stream: `millrace:control`, or this text with a number. In a partition, a room
 * that hashes to it is needed, because gateways of earlier builds reject entries of rooms of other partitions.
 * @beta
 */
export function controlRoomWhere(belongs: (roomId: string) => boolean): string {
  for (let number = 0; number < MAX_CONTROL_ROOMS; number += 1) {
    const roomId = number === 0 ? CONTROL_ROOM : `${CONTROL_ROOM_PREFIX}${number}`;
    if (belongs(roomId)) return roomId;
  }
  return CONTROL_ROOM;
}
