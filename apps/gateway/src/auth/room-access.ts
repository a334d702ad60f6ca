// Decides which rooms a user may enter, by the token's `rooms` claim. Pure.

/** Returns the ID of the user's personal room, which all connections of the user enter. */
export function personalRoomOf(userId: string): string {
  return `user:${userId}`;
}

/** Replaces `user:me`, the alias of the caller's personal room. Returns other room IDs unchanged. */
export function resolveRoomAlias(roomId: string, userId: string): string {
  return roomId === 'user:me' ? personalRoomOf(userId) : roomId;
}

/**
 * True when the user may enter the room. A user may enter the personal room of this user, and every room that
 * an entry of the `rooms` claim matches. An entry that ends in `*` is a prefix. Rooms of other users
 * (`user:…`) need an entry that begins with `user:`, so that `*` does not give access to everybody's
 * notifications.
 */
export function mayEnterRoom(
  roomId: string,
  user: { readonly userId: string; readonly rooms: readonly string[] },
): boolean {
  if (roomId === personalRoomOf(user.userId)) return true;
  const isOfUser = roomId.startsWith('user:');
  return user.rooms.some(
    (claim) => (!isOfUser || claim.startsWith('user:')) && matchesPattern(roomId, claim),
  );
}

/** True when a text matches a pattern: the text itself, or a prefix with a trailing `*`. */
export function matchesPattern(text: string, pattern: string): boolean {
  return pattern.endsWith('*') ? text.startsWith(pattern.slice(0, -1)) : text === pattern;
}
