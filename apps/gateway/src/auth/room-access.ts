// Which rooms a user may enter: the rule over the token's `rooms` claim. Pure.

/** The user's own room: every connection of the user is in it from the start. */
export function personalRoomOf(userId: string): string {
  return `user:${userId}`;
}

/** `user:me` stands for the caller's own room. */
export function resolveRoomAlias(roomId: string, userId: string): string {
  return roomId === 'user:me' ? personalRoomOf(userId) : roomId;
}

/**
 * Whether a user with this `rooms` claim may enter a room. A claim that ends in `*` is a prefix. Rooms of other users
 * (`user:…`) open only to a claim that begins with `user:`, so `*` does not give away everybody's notifications.
 */
export function mayEnterRoom(
  roomId: string,
  user: { readonly userId: string; readonly rooms: readonly string[] },
): boolean {
  if (roomId === personalRoomOf(user.userId)) return true;
  return user.rooms.some((claim) => {
    if (!claim.endsWith('*')) return claim === roomId;
    const prefix = claim.slice(0, -1);
    if (roomId.startsWith('user:') && !prefix.startsWith('user:')) return false;
    return roomId.startsWith(prefix);
  });
}
