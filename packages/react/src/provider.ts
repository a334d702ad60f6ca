// Gives a client to the components inside it, and keeps the client connected while it is mounted.
import { type Client, ClientError } from '@millrace/client';
import {
  type Context,
  createContext,
  createElement,
  type ReactElement,
  type ReactNode,
  useContext,
  useEffect,
} from 'react';
import { DEFAULT_GRACE_MS, type SharedClient, sharedClientOf } from './shared/shared-client.js';
import type { EventsOf } from './types.js';

/** Properties of {@link MillraceProvider}. @beta */
export interface MillraceProviderProps<E extends object = EventsOf> {
  /**
   * The client, from `createClient`. Create it outside of the component, or with `useMemo`. Use null for no client, for
   * example while nobody is signed in. The components inside then see no connection, and rooms that are not joined.
   */
  readonly client: Client<E> | null;
  /**
   * Milliseconds for which a room stays joined after its last component, and the client stays connected after its last
   * provider. A component that is mounted again within this time causes no new join. @defaultValue 1_000
   */
  readonly graceMs?: number;
  readonly children?: ReactNode;
}

/** The client around a component. It is null if the provider has none, and `undefined` without a provider. */
const SharedClientContext: Context<SharedClient | null | undefined> = createContext<
  SharedClient | null | undefined
>(undefined);

/**
 * Gives a client to the components inside it. Connects the client when the provider is mounted, and closes it after the
 * provider was removed. A client that the application has connected itself is not closed. On a server, nothing connects.
 * @beta
 */
export function MillraceProvider<E extends object = EventsOf>({
  client,
  graceMs = DEFAULT_GRACE_MS,
  children,
}: MillraceProviderProps<E>): ReactElement {
  const shared = client === null ? null : sharedClientOf(client);
  useEffect(() => {
    if (shared !== null) shared.graceMs = graceMs;
  }, [shared, graceMs]);
  useEffect(() => shared?.open(), [shared]);
  return createElement(SharedClientContext.Provider, { value: shared }, children);
}

/**
 * Returns the client around a component, or null if the provider has none.
 *
 * @throws ClientError `invalid_argument` without a provider
 */
export function useSharedClient(): SharedClient | null {
  const shared = useContext(SharedClientContext);
  if (shared === undefined)
    throw new ClientError(
      'invalid_argument',
      'Millrace’s hooks need a MillraceProvider around the component.',
    );
  return shared;
}
