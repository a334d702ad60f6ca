// Hooks for the events of a room.
import type { DeliveredEvent, EventName, Room, Unsubscribe } from '@millrace/client';
import type { EventsOf, RoomRef } from '../types.js';
import { type UntypedRoomRef, useRoomAddress, useRoomHandler } from './use-shared-room.js';

type AnyEvent = DeliveredEvent;
type Handler<Event> = (event: Event) => unknown;

/**
 * Handles the events of one, several or all types in a room while the component is mounted.
 *
 * Guarantees, from the mount of the component until it is removed or shows another room:
 *
 * - The handler is called once per event, in the order of the stream, even in StrictMode and after a reconnect.
 * - The latest handler is called, so it needs no `useCallback`. It gets no event of a room that the component no longer
 *   shows.
 * - An error that the handler throws goes to `client.onError`, and does not stop other handlers.
 *
 * Events from before the mount are not handled. For a list that is loaded and then kept up to date, use `useRoomState`.
 *
 * @throws ClientError `invalid_argument` without a {@link MillraceProvider}
 *
 * @example
 * ```tsx
 * useEvents('order-42', 'chat_message', ({ payload }) => addLine(payload.content));
 * useEvents('user:me', ['notification', 'assignment_change'], (event) => show(event));
 * ```
 * @beta
 */
export function useEvents<E extends object = EventsOf, Name extends EventName<E> = EventName<E>>(
  room: RoomRef<E>,
  types: Name | readonly Name[],
  handler: Handler<DeliveredEvent<E, Name>>,
): void;
/** Handles the events of all types in a room, in the same way. @beta */
export function useEvents<E extends object = EventsOf>(
  room: RoomRef<E>,
  handler: Handler<DeliveredEvent<E>>,
): void;
export function useEvents(
  room: UntypedRoomRef,
  typesOrHandler: string | readonly string[] | Handler<never>,
  handlerOfTypes?: Handler<never>,
): void {
  const handler = (handlerOfTypes ?? typesOrHandler) as Handler<AnyEvent>;
  const types = handlerOfTypes === undefined ? undefined : (typesOrHandler as string | readonly string[]);
  const handleWanted = (event: AnyEvent): unknown => {
    const isWanted =
      types === undefined ||
      (typeof types === 'string' ? types === event.event_type : types.includes(event.event_type));
    return isWanted ? handler(event) : undefined;
  };
  useRoomHandler(useRoomAddress(room), handleWanted, attachEvents);
}

/**
 * Calls the handler when events of the room are lost. The component must then load the room's data again. `useRoomState` does
 * so by itself.
 *
 * @param handler gets the reason, as the handlers of `Room.onResync` do
 * @throws ClientError `invalid_argument` without a {@link MillraceProvider}
 * @beta
 */
export function useResync<E extends object = EventsOf>(
  room: RoomRef<E>,
  handler: (reason: string) => unknown,
): void {
  useRoomHandler(useRoomAddress(room), handler, attachResync);
}

function attachEvents(room: Room, handle: Handler<AnyEvent>): Unsubscribe {
  return room.onAny(handle);
}

function attachResync(room: Room, handle: (reason: string) => unknown): Unsubscribe {
  return room.onResync(handle);
}
