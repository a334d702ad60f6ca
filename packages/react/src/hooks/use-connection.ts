// Hooks for the connection: its state, and the client itself.
import type { Client } from '@millrace/client';
import { useSyncExternalStore } from 'react';
import { useSharedClient } from '../provider.js';
import { type ConnectionView, NO_CONNECTION } from '../shared/shared-client.js';
import type { EventsOf } from '../types.js';

export type { ConnectionView } from '../shared/shared-client.js';

/**
 * Returns the state of the connection. The state is `idle` on a server and until the page is hydrated.
 *
 * @throws ClientError `invalid_argument` without a {@link MillraceProvider}
 *
 * @example
 * ```tsx
 * const { state } = useConnection();
 * return state === 'reconnecting' ? <p>No connection. Trying again …</p> : null;
 * ```
 * @beta
 */
export function useConnection(): ConnectionView {
  const shared = useSharedClient();
  const view = shared?.view ?? noConnection;
  return useSyncExternalStore(shared?.subscribe ?? neverChanges, view, noConnection);
}

/**
 * Returns the client of the provider, or null if the provider has none. Use it for methods without a hook, such as
 * `client.onError`, or `client.connect()` after the user has signed in again.
 *
 * @throws ClientError `invalid_argument` without a {@link MillraceProvider}
 * @beta
 */
export function useClient<E extends object = EventsOf>(): Client<E> | null {
  // The provider's client handles the event types that the application declares.
  return (useSharedClient()?.client ?? null) as unknown as Client<E> | null;
}

function noConnection(): ConnectionView {
  return NO_CONNECTION;
}

function neverChanges(): () => void {
  return () => {};
}
