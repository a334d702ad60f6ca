// The hook that joins a room while the component is mounted.
import type { BuiltIn } from '@millrace/client';
import { useMemo } from 'react';
import type { EventsOf, RoomRef, RoomView } from '../types.js';
import { useRoomAddress, useRoomPart } from './use-shared-room.js';

/**
 * Joins a room while the component is mounted. Components that use the same room share one join. The room is left `graceMs`
 * (of the provider) after the last component has stopped using it.
 *
 * @param room ID of the room; `user:me` for the events that concern only this user, `*` for those that concern everybody; null for no room
 * @throws ClientError `invalid_argument` without a {@link MillraceProvider}
 *
 * @example
 * ```tsx
 * const order = useRoom('order-42');
 * useEvents(order, 'chat_message', ({ payload }) => addLine(payload.content));
 * if (order.status === 'refused') return <p>{order.error?.message}</p>;
 * ```
 * @beta
 */
export function useRoom<E extends object = EventsOf>(room: RoomRef<E>): RoomView<E> {
  const address = useRoomAddress(room);
  const { id } = address;
  // The result on a server, and before the component is mounted.
  const first = useMemo(
    (): RoomView<BuiltIn> => ({
      id,
      status: id === null ? 'idle' : 'joining',
      error: undefined,
      room: undefined,
    }),
    [id],
  );
  const view = useRoomPart(address, (used) => used?.view ?? first);
  // The provider's client handles the event types that the application declares.
  return view as unknown as RoomView<E>;
}
