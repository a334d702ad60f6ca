// The state of a room, loaded from the application's backend and kept current by events.
import type { DeliveredEvent, Loader, LoadOptions, LoadSnapshot } from '@millrace/client';
import { useCallback, useId, useInsertionEffect, useMemo, useRef } from 'react';
import type { StateSource } from '../shared/shared-state.js';
import type { EventsOf, RoomRef } from '../types.js';
import { type PartUse, useRoomAddress, useRoomPart } from './use-shared-room.js';

/** Options of {@link useRoomState}. All but `key` are those of `room.load`. @beta */
export interface RoomStateOptions<S, E extends object = EventsOf>
  extends Omit<LoadOptions<S, DeliveredEvent<E>>, 'onState' | 'onEvent'> {
  /**
   * Name of the state in its room. Components with the same room and key share one state, which is loaded once. Another key is
   * another state, so put everything into the key that changes what the loader returns. @defaultValue one state per component
   */
  readonly key?: string;
}

/** The state of a room at one moment: a snapshot of `room.load`, or `idle` if no room was given. */
type RoomSnapshot<S> =
  | LoadSnapshot<S>
  | { readonly status: 'idle'; readonly state: undefined; readonly error: undefined };

/**
 * The result of {@link useRoomState}: `state`, `status` and `error`. It stays the same object until something changes.
 * @beta
 */
export type RoomState<S> = RoomSnapshot<S> & {
  /** Loads again, for example because the user asked for it. The shown state stays until then. It stays the same function. */
  readonly reload: () => void;
};

/**
 * Loads the state of a room, and keeps it current with the events of the room while the component is mounted.
 *
 * Guarantees, as for `room.load`:
 *
 * - No event is lost between the load and the first event, or while the connection is lost: what is missed is replayed, or the state
 *   is loaded again. No event is handled that the state says it contains.
 * - `load` and `reduce` may be new functions in every rendering: the latest ones are called. A rendering does not load again.
 * - StrictMode, and a component that is mounted again within the `graceMs` of the provider, load once.
 * - On a server nothing is loaded: the state is that of `initial`, and a page is hydrated with it.
 *
 * @param load as for `room.load`. It gets `{ roomId, position, signal }`
 * @throws ClientError `invalid_argument` without a {@link MillraceProvider}
 *
 * @example
 * ```tsx
 * const { state, status } = useRoomState('order-42', ({ signal }) => fetchMessages('order-42', signal), {
 *   reduce: (messages, event) =>
 *     event.event_type === 'chat_message' ? [...messages, event.payload] : messages,
 * });
 * ```
 * @beta
 */
export function useRoomState<S, E extends object = EventsOf>(
  room: RoomRef<E>,
  load: Loader<S>,
  options: RoomStateOptions<S, E> = {},
): RoomState<S> {
  const address = useRoomAddress(room);
  const { shared, id } = address;
  const ownKey = useId();
  const { key: givenKey, ...loadOptions } = options;
  const key = givenKey === undefined ? ownKey : `key ${givenKey}`;
  // The static types of states and events are those of the callers.
  const source = { load, options: loadOptions } as unknown as StateSource;
  const latest = useRef(source);
  useInsertionEffect(() => {
    latest.current = source;
    const state = id === null ? undefined : shared?.usedRoom(id)?.usedState(key);
    if (state !== undefined) state.source = source;
  });

  const use = useMemo(
    (): PartUse => ({
      begin: (used) => used.state(key, latest.current).use(),
      after: () => latest.current.options.initial?.position,
    }),
    [key],
  );
  // Shown on a server, and before the component is mounted.
  const first = useMemo((): RoomSnapshot<unknown> => {
    if (id === null) return { status: 'idle', state: undefined, error: undefined };
    // A later value of `initial` counts only for another room or key.
    return { status: 'loading', state: source.options.initial?.state, error: undefined };
  }, [id, key]);
  const snapshot = useRoomPart(address, (used) => used?.usedState(key)?.snapshot ?? first, use);
  const reload = useCallback(() => {
    if (id !== null) shared?.usedRoom(id)?.usedState(key)?.reload();
  }, [shared, id, key]);
  // The caller gave the type of the state.
  return useMemo(() => ({ ...snapshot, reload }), [snapshot, reload]) as RoomState<S>;
}
