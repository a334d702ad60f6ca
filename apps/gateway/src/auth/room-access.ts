// Decides which rooms a user may enter, by the token's `rooms` claim. Pure.

import { EVERYBODY_ROOM } from '@millrace/contract';

/** Rooms with these prefixes are open only to entries of the `rooms` claim that begin with the same prefix. */
const GUARDED_PREFIXES = ['user:', `${EVERYBODY_ROOM}:`];

/** Returns the ID of the user's personal room, which all connections of the user enter. */
export function personalRoomOf(userId: string): string {
  return `user:${userId}`;
}

/** True for the rooms about which no rule but {@link mayEnterRoom} decides: personal rooms, and those of everybody. */
export function isOutsideRules(roomId: string): boolean {
  return roomId === EVERYBODY_ROOM || GUARDED_PREFIXES.some((prefix) => roomId.startsWith(prefix));
}

/** Replaces `user:me`, the alias of the caller's personal room. Returns other room IDs unchanged. */
export function resolveRoomAlias(roomId: string, userId: string): string {
  return roomId === 'user:me' ? personalRoomOf(userId) : roomId;
}

/**
 * True if the user may enter the room: the user's own personal room, or a room that an entry of the `rooms` claim matches. An
 * entry that ends in `*` is a prefix. A room of another user (`user:…`) needs an entry that begins with `user:`, and the room of
 * everybody of a tenant (`*:…`) one that begins with `*:`. Therefore `*` gives no access to everybody's notifications, nor to those of
 * other tenants. Everybody may enter the room `*`.
 */
export function mayEnterRoom(
  roomId: string,
  user: { readonly userId: string; readonly rooms: readonly string[] },
): boolean {
  if (roomId === personalRoomOf(user.userId) || roomId === EVERYBODY_ROOM) return true;
  const prefix = GUARDED_PREFIXES.find((guarded) => roomId.startsWith(guarded)) ?? '';
  return user.rooms.some((claim) => claim.startsWith(prefix) && matchesPattern(roomId, claim));
}

/** True when a text matches a pattern: the text itself, or a prefix with a trailing `*`. */
export function matchesPattern(text: string, pattern: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}
