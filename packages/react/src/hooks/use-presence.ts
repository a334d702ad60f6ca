// The members of a room, and the state that this user shows to them.
import type { RoomMembers } from '@millrace/client';
import { useEffect, useRef } from 'react';
import type { SharedRoom } from '../shared/shared-room.js';
import type { EventsOf, RoomRef } from '../types.js';
import { type PartUse, useRoomAddress, useRoomPart } from './use-shared-room.js';

const NO_MEMBERS: RoomMembers = Object.freeze({
  isComplete: false,
  users: 0,
  connections: 0,
  list: Object.freeze([]),
});

/**
 * Returns the members of a room while the component is mounted, this user included, and shows a state of this user to them. The
 * object stays the same until a member changes.
 *
 * @param ownState any value that JSON can express, with at most 1 KiB. It is set when it changes, and reset when the component is
 * removed. If several components set a state, the one that was mounted last counts. @defaultValue sets no state
 * @throws ClientError `invalid_argument` without a {@link MillraceProvider}
 *
 * @example
 * ```tsx
 * const { list } = usePresence('order-42', isTypingNotes ? 'writing notes' : 'viewing');
 * return <p>{list.map(({ username, state }) => `${username} (${String(state)})`).join(', ')}</p>;
 * ```
 * @beta
 */
export function usePresence<E extends object = EventsOf>(room: RoomRef<E>, ownState?: unknown): RoomMembers {
  const address = useRoomAddress(room);
  const { shared, id } = address;
  // Values with the same text are the same state, so that an object literal does not set it with every rendering.
  const text = ownState === undefined ? undefined : JSON.stringify(ownState);
  const component = useRef(undefined);
  useEffect(() => {
    if (shared === null || id === null || text === undefined) return undefined;
    return shared.room(id).showOwnState(component, JSON.parse(text));
  }, [shared, id, text]);
  return useRoomPart(address, membersOf, watchMembers);
}

function membersOf(room: SharedRoom | undefined): RoomMembers {
  return room?.view.room?.members ?? NO_MEMBERS;
}

const watchMembers: PartUse = { begin: (room) => room.watchMembers() };
