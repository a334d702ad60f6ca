// The base of the hooks: shows a part of a shared room, or handles what happens in it.
import type { Room, Unsubscribe } from '@millrace/client';
import { useCallback, useEffect, useInsertionEffect, useRef, useSyncExternalStore } from 'react';
import { useSharedClient } from '../provider.js';
import type { SharedClient } from '../shared/shared-client.js';
import type { SharedRoom } from '../shared/shared-room.js';

/** The room of a hook, and the client that joins it. */
export interface RoomAddress {
  readonly shared: SharedClient | null;
  readonly id: string | null;
}

/** A {@link RoomRef} without the static types of events. */
export type UntypedRoomRef = string | { readonly id: string | null } | null | undefined;

/** Returns the client around the component and the ID of the room. */
export function useRoomAddress(room: UntypedRoomRef): RoomAddress {
  const shared = useSharedClient();
  return { shared, id: typeof room === 'string' ? room : (room?.id ?? null) };
}

/** How a hook uses a part of a room. */
export interface PartUse {
  /** Begins to use the part, until the returned function is called. */
  begin(room: SharedRoom): Unsubscribe;
  /** Returns the position after which to join the room, if no component uses it yet. */
  after?(): string | undefined;
}

/**
 * Shows a part of a room, and uses the room while the component is mounted. `read` must return the same value until that part
 * changes. It gets `undefined` on a server, while a page is hydrated, and before the component is mounted.
 *
 * @param use must stay the same object
 */
export function useRoomPart<Part>(
  { shared, id }: RoomAddress,
  read: (room: SharedRoom | undefined) => Part,
  use?: PartUse,
): Part {
  const subscribe = useCallback(
    (listener: () => void): Unsubscribe => {
      if (shared === null || id === null) return nothing;
      const room = shared.room(id, use?.after?.());
      const release = room.subscribe(listener);
      const releasePart = use?.begin(room);
      return () => {
        releasePart?.();
        release();
      };
    },
    [shared, id, use],
  );
  return useSyncExternalStore(
    subscribe,
    () => read(id === null ? undefined : shared?.usedRoom(id)),
    () => read(undefined),
  );
}

/**
 * Handles what happens in a room while the component is mounted. Calls the latest handler. Never calls it for a room that the
 * component no longer shows, even if React has not run the effects of the change yet.
 *
 * @param attach adds a function that calls the handler to a room. `attach` must be the same function in every render
 */
export function useRoomHandler<Args extends readonly unknown[]>(
  { shared, id }: RoomAddress,
  handler: (...args: Args) => unknown,
  attach: (room: Room, handle: (...args: Args) => unknown) => Unsubscribe,
): void {
  const latest = useRef({ shared, id, handler });
  // An insertion effect runs in the moment in which the component shows another room. Other effects run later.
  useInsertionEffect(() => {
    latest.current = { shared, id, handler };
  });
  useEffect(() => {
    if (shared === null || id === null) return undefined;
    return shared.room(id).handle((room) =>
      attach(room, (...args) => {
        const { current } = latest;
        return current.shared === shared && current.id === id ? current.handler(...args) : undefined;
      }),
    );
  }, [shared, id, attach]);
}

function nothing(): void {
  // Without a room, there is nothing to end.
}
