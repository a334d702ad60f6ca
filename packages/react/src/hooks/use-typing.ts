// The hook for typing in a room: the users who type, and this user's own typing.
import type { TypingUser } from '@millrace/client';
import { useEffect, useMemo } from 'react';
import type { SharedRoom } from '../shared/shared-room.js';
import type { EventsOf, RoomRef } from '../types.js';
import { useRoomAddress, useRoomPart } from './use-shared-room.js';

/** Typing in a room. It stays the same object until the list of users changes. @beta */
export interface Typing {
  /** The users who are typing now, except this user. The array stays the same object until the list changes. */
  readonly users: readonly TypingUser[];
  /**
   * Tells the room that this user is typing, or has stopped. You may call it with every keystroke. The function stays the
   * same for a room. The hook itself calls it with `false` if the component is removed or shows another room while the user
   * types.
   */
  sendTyping(this: void, isTyping: boolean): void;
}

const NO_USERS: readonly TypingUser[] = Object.freeze([]);

/**
 * Returns the users who are typing in a room, and a function that reports this user's own typing.
 *
 * @throws ClientError `invalid_argument` without a {@link MillraceProvider}
 * @beta
 */
export function useTyping<E extends object = EventsOf>(room: RoomRef<E>): Typing {
  const address = useRoomAddress(room);
  const { shared, id } = address;
  const users = useRoomPart(address, typingUsersOf);
  const own = useMemo(() => {
    let isTyping = false;
    const sendTyping = (isTypingNow: boolean): void => {
      isTyping = isTypingNow;
      if (id !== null) shared?.usedRoom(id)?.view.room?.sendTyping(isTypingNow);
    };
    const stop = (): void => {
      if (isTyping) sendTyping(false);
    };
    return { sendTyping, stop };
  }, [shared, id]);
  useEffect(() => own.stop, [own]);
  return useMemo(() => ({ users, sendTyping: own.sendTyping }), [users, own]);
}

function typingUsersOf(room: SharedRoom | undefined): readonly TypingUser[] {
  return room?.view.room?.typingUsers ?? NO_USERS;
}
